import { DEFAULT_NAMESPACE } from '../../src/server/auth/access.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import type { LockState, LockStore } from '../../src/server/store.ts'
import { type Entry, readId, writeEntry } from '../../src/server/stores/shared/entry.ts'
import type { LogRecord } from '../../src/server/stores/shared/log.ts'
import { type Applied, Replica } from '../../src/server/stores/shared/replica.ts'
import { LONGEST_TICK_MS } from '../../src/server/stores/shared/timing.ts'
import type { Kernel } from './kernel.ts'
import { replaced } from './replaced.ts'
import type { Reader } from './simulated-engine.ts'
import type { Verdict } from './verdict.ts'

/** A server that runs, and can reach the log, has read what is there within so many ms, whether it was hinted at or not. */
const BEHIND_MS = 2_500
/** While anything is held the time of the log goes on at least so often, in ms, if any server can see to it. */
const STILL_MS = 3_000
/** The states of servers are compared at one position of so many. */
const COMPARED = 8

const STEPS = [
  'acquire',
  'attend',
  'renew',
  'release',
  'execute',
  'renewSession',
  'attendSession',
  'endSession',
] as const satisfies readonly (keyof LockStore)[]

export interface LogObserverOptions {
  readonly kernel: Kernel
  readonly verdict: Verdict
  readonly names: readonly string[]
  readonly fewestCharacters: number
  readonly readers: readonly Reader[]
  /** Puts the oracles around a store whose time is that of the log. */
  readonly watch: (store: LockStore, clock: ServerClock) => LockStore
  readonly note: (who: string, what: string) => void
}

interface Known {
  readonly position: number
  /** True ms. */
  readonly at: number
  readonly isIdle: boolean
}

interface Look {
  /** True ms since when. */
  readonly at: number
  readonly state: string
}

/**
 * Reads the log itself, each record when it has its place, and judges what it comes to: its steps, one after another,
 * by the oracles of any store; the states of the servers, which must be the same at the same position; and whether the
 * servers keep up, and keep its time going.
 */
export class LogObserver {
  readonly #options: LogObserverOptions
  readonly #replica: Replica
  /** The same, but with the oracles around its steps, which want them one at a time. */
  readonly #watched: Replica
  readonly #images = new Map<number, string>()
  readonly #known: Known[] = []
  readonly #looks = new Map<string, Look[]>()
  readonly #heard = new Map<string, number>()
  readonly #own = new WeakSet<Replica>()
  #time = 0
  #split = 0
  #tickedAt = 0
  #hasSteps = false

  constructor(options: LogObserverOptions) {
    const { fewestCharacters, watch } = options
    this.#options = options
    this.#replica = new Replica({ limits: {}, fewestCharacters }, null)
    this.#watched = new Replica({ limits: {} }, null)
    this.#own.add(this.#replica).add(this.#watched)
    const bare = this.#watched.store
    const noTimer = () => () => {}
    const watched = watch(bare, { now: () => this.#time, wall: () => 0, setTimer: noTimer })
    Object.defineProperty(this.#watched, 'store', { value: withSteps(bare, watched) })
  }

  /** Listens to the replicas of all servers; returns the way to end that. */
  compareAll(): () => void {
    const compare = (replica: Replica) => this.#compare(replica)
    return replaced(
      Replica.prototype,
      'apply',
      (apply) =>
        function (this: Replica, record) {
          const applied = apply.call(this, record)
          compare(this)
          return applied
        },
    )
  }

  appended(record: LogRecord): void {
    const { kernel, note } = this.#options
    const applied = this.#apply(record)
    if (applied === null) return
    const { entry, outcomes, isTick } = applied
    this.#checkNew(record, outcomes !== null)
    if (isTick) this.#tickedAt = kernel.now
    note('log', `${record.position} ${record.id} ${outcomes === null ? 'again' : describe(entry, isTick)}`)
    this.#remember(record)
    this.#checkReaders()
    if (outcomes === null) return
    this.#hasSteps ||= entry.steps.length > 0
    this.#look()
    this.#judge(entry, isTick)
  }

  /** Whether the lock looked so at any time since `since`, in true ms. */
  wasSo(name: string, state: LockState, since: number): boolean {
    const looks = this.#looks.get(name) ?? []
    const told = JSON.stringify(state)
    if (looks.length === 0 || since < (looks[0]?.at ?? 0)) return true
    return looks.some(
      (look, index) => look.state === told && (looks[index + 1]?.at ?? Number.POSITIVE_INFINITY) >= since,
    )
  }

  stands(session: string): boolean {
    return this.#replica.store.lookAtSession(session).outcome.kind === 'standing'
  }

  #apply(record: LogRecord): Applied | null {
    try {
      return this.#replica.apply(record)
    } catch (error) {
      this.#options.verdict.broken('history', `the log cannot be read at ${record.position}: ${error}`)
      return null
    }
  }

  /** What a server writes is carried out once, and in the order in which it wrote it. */
  #checkNew({ id }: LogRecord, isCarriedOut: boolean): void {
    const { server, number } = readId(id)
    const last = this.#heard.get(server) ?? 0
    if (isCarriedOut !== number > last) {
      this.#options.verdict.broken('history', `${id} was ${isCarriedOut ? '' : 'not '}carried out after ${last}`)
    }
    this.#heard.set(server, Math.max(last, number))
  }

  #remember({ position }: LogRecord): void {
    const { kernel } = this.#options
    const { isIdle } = this.#replica.store
    // From here on its time must go on.
    if (!isIdle && this.#known.at(-1)?.isIdle !== false) this.#tickedAt = kernel.now
    this.#known.push({ position, at: kernel.now, isIdle })
    if (isCompared(position)) this.#images.set(position, this.#replica.image())
  }

  #compare(replica: Replica): void {
    const { position } = replica.point ?? { position: 0 }
    const image = this.#images.get(position)
    if (this.#own.has(replica) || !isCompared(position) || image === undefined) return
    const other = replica.image()
    if (other === image) return
    const { verdict, note } = this.#options
    note('log', `${position} should be ${image}`)
    note('log', `${position} is        ${other}`)
    verdict.broken('history', `a server has come to another state at position ${position} of the log`)
  }

  #look(): void {
    const { kernel, names } = this.#options
    // To look where nothing has ever been would itself leave a trace.
    if (!this.#hasSteps) return
    for (const name of names) {
      const at = kernel.now
      const looks = this.#looks.get(name) ?? []
      this.#looks.set(name, looks)
      void this.#replica.store.inspect({ namespace: DEFAULT_NAMESPACE, name }).then((state) => {
        const text = JSON.stringify(state)
        if (looks.at(-1)?.state !== text) looks.push({ at, state: text })
      })
    }
  }

  /** The steps of a record, each as if it had one of its own. */
  #judge(entry: Entry, isTick: boolean): void {
    const { kernel } = this.#options
    const [tick, ...steps] = [
      { ...entry, cut: null, tick: isTick ? entry.tick : null, steps: [] },
      ...entry.steps.map((step) => ({ ...entry, cut: null, tick: null, graceMs: 0, steps: [step] })),
    ]
    for (const each of [tick, ...steps]) {
      if (each === undefined) continue
      kernel.after(0, () => {
        this.#split += 1
        if (each.tick !== null) this.#time += Math.min(each.tick.ms, LONGEST_TICK_MS)
        this.#watched.apply({ position: this.#split, id: `one.${this.#split}`, body: writeEntry(each) })
      })
    }
  }

  #checkReaders(): void {
    const { kernel, readers, verdict } = this.#options
    const seen = readers.filter((reader) => this.#canRead(reader))
    for (const reader of seen) {
      const missed = this.#known.find(({ position }) => position > reader.position)
      if (missed === undefined || missed.at > kernel.now - BEHIND_MS || this.#mayRest(reader)) continue
      verdict.broken('lost wake-up', `${reader.machine.label} has not read ${missed.position} of the log for long`)
    }
    const isStill = this.#known.at(-1)?.isIdle === false && this.#tickedAt < kernel.now - STILL_MS
    const idler = seen.find((reader) => !this.#mayRest(reader) && runsFor(reader, kernel.now) > STILL_MS)
    if (!isStill || idler === undefined) return
    const ms = Math.round(kernel.now - this.#tickedAt)
    verdict.broken(
      'lost wake-up',
      `the time of the log has stood still for ${ms} ms though ${idler.machine.label} runs`,
    )
  }

  /** It runs, and could reach the log, for as long as it may be behind. */
  #canRead({ machine, epoch, since, troubledAt, isClosed }: Reader): boolean {
    const { now } = this.#options.kernel
    const isRunning = machine.isRunning && machine.epoch === epoch && now - machine.runsSince > BEHIND_MS
    return isRunning && !isClosed && now - Math.max(since, troubledAt) > STILL_MS
  }

  /** As far as it knows nothing is held and nobody waits. */
  #mayRest(reader: Reader): boolean {
    return this.#known.findLast(({ position }) => position <= reader.position)?.isIdle ?? true
  }
}

function runsFor({ machine }: Reader, now: number): number {
  return now - machine.runsSince
}

function isCompared(position: number): boolean {
  return position % COMPARED === 0
}

function describe({ tick, steps, cut, graceMs }: Entry, isTick: boolean): string {
  const time = tick === null ? '' : `tick ${tick.number} ${tick.ms}${isTick ? '' : ' (stale)'} `
  return `${time}${cut === null ? '' : 'cut '}${graceMs > 0 ? `grace ${graceMs} ` : ''}${steps.map(([name]) => name).join(' ')}`
}

/** The store with the steps of another one around it. */
function withSteps<Store extends LockStore>(store: Store, steps: LockStore): Store {
  const names: ReadonlySet<string | symbol> = new Set(STEPS)
  return new Proxy(store, {
    get: (target, key) => {
      const owner: object = names.has(key) ? steps : target
      const member: unknown = Reflect.get(owner, key, owner)
      return typeof member === 'function' ? member.bind(owner) : member
    },
  })
}
