import type { ServerClock } from '../../clock.ts'
import type { StoreLimits } from '../../store.ts'
import { hash } from '../hash.ts'
import type { StoreImage } from '../memory/image.ts'
import { StoreInMemory } from '../memory.ts'
import { DueAlarms } from './due-alarms.ts'
import { type Cut, checkRules, type Entry, readEntry, readId, rulesOf, type StepCall } from './entry.ts'
import type { LogPoint, LogRecord, LogSnapshot } from './log.ts'
import { LONGEST_TICK_MS, SLACK_MS } from './timing.ts'

/** A server of which nothing was heard for so long is forgotten, in ms: longer than a record can be on its way. */
const FORGET_MS = 3_600_000

/** A snapshot is due when this many characters of records have come since the last, and twice as many as it has. */
const FEWEST_CHARACTERS = 1_000_000

export interface ReplicaOptions {
  /** The same for all servers of one log. */
  readonly limits: Partial<StoreLimits>
  /** How many characters of records there are between two snapshots at least. Default 1,000,000. */
  readonly fewestCharacters?: number
}

/** What a record has come to. */
export interface Applied {
  /** Of its steps, in order; they settle at once. `null`: it had been carried out already, or came too late. */
  readonly outcomes: readonly Promise<unknown>[] | null
  readonly entry: Entry
  /** It moved the time on. */
  readonly isTick: boolean
  /** Set where a snapshot is due after it. */
  readonly snapshot: LogSnapshot | null
}

/** What was heard of a server last. */
interface Heard {
  readonly number: number
  readonly at: number
}

/** All of a {@link Replica}, as JSON. */
interface ReplicaImage {
  readonly rules: string
  readonly time: number
  readonly tickNumber: number
  readonly heard: readonly (readonly [server: string, heard: Heard])[]
  readonly store: StoreImage
}

/**
 * What the records of a log have come to: the same for all who read them (a replicated state machine, Schneider 1990).
 * So nothing here depends on anything but the records; the time, too, is what they say.
 */
export class Replica {
  readonly store: StoreInMemory
  /** What all its records go by. */
  readonly rules: string
  readonly #clock = new WrittenClock()
  readonly #alarms = new DueAlarms()
  readonly #heard: Map<string, Heard>
  readonly #fewestCharacters: number
  #point: LogPoint | null
  #tickNumber: number
  #snapshotLength: number
  #charactersSince = 0
  #lastCut: Cut | null = null

  /** Throws an `Error` that says what to do if the snapshot is by other rules. */
  constructor({ limits, fewestCharacters = FEWEST_CHARACTERS }: ReplicaOptions, snapshot: LogSnapshot | null) {
    this.rules = rulesOf(limits)
    const image: ReplicaImage | null = snapshot === null ? null : JSON.parse(snapshot.text)
    if (image !== null) checkRules(image, this.rules)
    this.#fewestCharacters = fewestCharacters
    this.#point = snapshot?.point ?? null
    this.#snapshotLength = snapshot?.text.length ?? 0
    this.#tickNumber = image?.tickNumber ?? 0
    this.#heard = new Map(image?.heard)
    this.#clock.time = image?.time ?? 0
    const { store = null } = image ?? {}
    this.store = new StoreInMemory(
      { clock: this.#clock, limits },
      { alarms: this.#alarms, slackMs: SLACK_MS, image: store },
    )
  }

  /** The last record; `null`: there was none. */
  get point(): LogPoint | null {
    return this.#point
  }

  /** The number that the next tick must have to count. */
  get nextTick(): number {
    return this.#tickNumber + 1
  }

  /** Whether the records of `server` up to `number` have been carried out, or would come too late. */
  hasHeard(server: string, number: number): boolean {
    return number <= (this.#heard.get(server)?.number ?? 0)
  }

  /** Carries out a record. Throws an `Error` that says what to do if it cannot be read, or tells of another state. */
  apply({ position, id, body }: LogRecord): Applied {
    const entry = readEntry(body, this.rules)
    const { server, number } = readId(id)
    this.#point = { position, id }
    this.#charactersSince += body.length
    const isLate = this.hasHeard(server, number)
    const done = isLate ? { outcomes: null, isTick: false } : this.#carryOut(server, number, entry)
    return { ...done, entry, snapshot: this.#cutIfDue() }
  }

  /** All that the records have come to so far. */
  image(): string {
    const image: ReplicaImage = {
      rules: this.rules,
      time: this.#clock.time,
      tickNumber: this.#tickNumber,
      heard: [...this.#heard],
      store: this.store.image(),
    }
    return JSON.stringify(image)
  }

  #carryOut(server: string, number: number, entry: Entry): Pick<Applied, 'outcomes' | 'isTick'> {
    this.#compare(entry.cut)
    this.#heard.set(server, { number, at: this.#clock.time })
    this.#clock.wallTime = entry.wall
    const isTick = entry.tick?.number === this.nextTick
    if (isTick) this.#moveOn(entry.tick?.ms ?? 0)
    if (entry.graceMs > 0) this.store.pause(entry.graceMs)
    this.store.raiseTokens(entry.tokenFloor)
    const outcomes = entry.steps.map((call) => carryOut(this.store, call))
    // Those of other servers are awaited by nobody.
    for (const outcome of outcomes) outcome.catch(() => undefined)
    return { outcomes, isTick }
  }

  #moveOn(ms: number): void {
    this.#tickNumber += 1
    this.#clock.time += Math.min(ms, LONGEST_TICK_MS)
    this.#alarms.ring(this.#clock.time)
    for (const [server, { at }] of this.#heard) {
      if (at <= this.#clock.time - FORGET_MS) this.#heard.delete(server)
    }
  }

  #cutIfDue(): LogSnapshot | null {
    if (this.#charactersSince < Math.max(this.#fewestCharacters, 2 * this.#snapshotLength)) return null
    if (this.#point === null) return null
    const text = this.image()
    this.#charactersSince = 0
    this.#snapshotLength = text.length
    this.#lastCut = { position: this.#point.position, digest: hash(text) }
    return { point: this.#point, text }
  }

  /** Throws if another server has come to something else: one of them would grant what the other one has granted. */
  #compare(cut: Cut | null): void {
    if (cut === null || this.#lastCut?.position !== cut.position || this.#lastCut.digest === cut.digest) return
    throw new Error(
      `two servers have come to different states at position ${cut.position} of the log. Stop all of them in good order, then start them anew, and please report it.`,
    )
  }
}

/** What a snapshot says of the state there, for others to compare. */
export function cutOf({ point, text }: LogSnapshot): Cut {
  return { position: point.position, digest: hash(text) }
}

function carryOut(store: StoreInMemory, call: StepCall): Promise<unknown> {
  switch (call[0]) {
    case 'acquire':
      return store.acquire(call[1])
    case 'attend':
      return store.attend(call[1])
    case 'renew':
      return store.renew(call[1])
    case 'release':
      return store.release(call[1])
    case 'execute':
      return store.execute(call[1])
    case 'renewSession':
      return store.renewSession(call[1])
    case 'attendSession':
      return store.attendSession(call[1])
    case 'endSession':
      return store.endSession(call[1])
    case 'endHolders':
      return store.endHolders(call[1])
    case 'revoke':
      return store.revoke(call[1])
  }
}

/** The time of a log, and the wall clock of who wrote the last record. */
class WrittenClock implements ServerClock {
  time = 0
  wallTime = 0

  now(): number {
    return this.time
  }

  wall(): number {
    return this.wallTime
  }

  setTimer(): () => void {
    throw new Error('Nothing happens in a replica unless a record says so.')
  }
}
