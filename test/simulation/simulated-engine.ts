import type { LogPoint, LogRecord, SharedLog } from '../../src/server/stores/shared/log.ts'
import { type Travel, VirtualLog } from '../server/virtual-log.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { EngineFault, Fault } from './plan.ts'
import { Random } from './random.ts'

/** How long a message between a server and the engine takes at most, in ms: mostly, and when there is much to do. */
const QUICK_MS = [0.2, 2, 5]
const SLOW_MS = 400
const SLOW_CHANCE = 0.02
/** How long a server waits for an answer, in ms. */
const TIMEOUT_MS = 2_000
/** A connection that breaks is noticed within so many ms. */
const BREAK_MS = 200
/** How often a connection breaks with a noise. */
const NOISE_CHANCE = 0.5

export interface EngineOptions {
  readonly seed: number
  readonly kernel: Kernel
  readonly random: Random
  readonly faults: readonly Fault[]
  readonly note: (who: string, what: string) => void
}

interface Front {
  readonly fault: EngineFault
  readonly random: Random
}

/** What a server has had from the log. */
export interface Reader {
  readonly machine: Machine
  readonly epoch: number
  /** All records up to here. */
  position: number
  /** When it got something first, in true ms. */
  since: number
  /** When a request of it was hit by a fault last, in true ms. */
  troubledAt: number
  isClosed: boolean
}

/** An engine with a log on a machine elsewhere, and the ways of the servers to it. */
export class SimulatedEngine {
  readonly log = new VirtualLog()
  /** Those of processes that are gone, too. */
  readonly readers: Reader[] = []
  readonly #options: EngineOptions
  readonly #fronts: readonly Front[]
  readonly #quickMs: number

  constructor(options: EngineOptions) {
    const { seed, faults, random } = options
    this.#options = options
    this.#quickMs = random.pick(QUICK_MS)
    this.#fronts = faults.flatMap((fault) =>
      fault.kind === 'engine' ? [{ fault, random: new Random(seed).fork(fault.stream) }] : [],
    )
    this.log.addsAnyway = random.chance(0.3)
    if (random.chance(0.5)) this.log.stride = () => random.whole(1, 3)
  }

  /** The way of a process on `machine` to the log. */
  open(machine: Machine): SharedLog {
    const { kernel } = this.#options
    const { epoch } = machine
    const reader: Reader = {
      machine,
      epoch,
      position: 0,
      ...{ since: Number.POSITIVE_INFINITY, troubledAt: 0, isClosed: false },
    }
    this.readers.push(reader)
    const log = this.log.open({
      travel: this.#travelOf(reader),
      hint: (tell) => {
        if (this.#hit(reader, ['deafen']).length > 0) return
        kernel.after(this.#delay(), () => this.#arrive(reader, tell))
      },
    })
    return this.#read(log, reader)
  }

  #read(log: SharedLog, reader: Reader): SharedLog {
    const heard = (records: readonly LogRecord[] | null, after: LogPoint | null) => {
      reader.since = Math.min(reader.since, this.#options.kernel.now)
      if (records !== null)
        reader.position = Math.max(reader.position, records.at(-1)?.position ?? after?.position ?? 0)
      return records
    }
    return {
      ...log,
      load: async () => {
        const loaded = await log.load()
        heard(loaded.records, loaded.snapshot?.point ?? null)
        return loaded
      },
      append: async (record, after, isNews) => heard(await log.append(record, after, isNews), after),
      close: async () => {
        reader.isClosed = true
        await log.close()
      },
      read: async (after) => heard(await log.read(after), after),
    }
  }

  #travelOf(reader: Reader): Travel {
    const { kernel, random } = this.#options
    return (there, back) => {
      const hits = this.#hit(reader, ['lose', 'lose-answer', 'delay', 'repeat'])
      let outMs = this.#delay()
      let homeMs = this.#delay()
      for (const { fault, random: own } of hits) {
        if (fault.effect !== 'delay') continue
        if (own.chance(0.5)) outMs += own.between(0, fault.ms)
        else homeMs += own.between(0, fault.ms)
      }
      const isLost = hits.some(({ fault }) => fault.effect === 'lose')
      if (!isLost) kernel.after(outMs, there)
      for (const { fault, random: own } of hits) {
        if (fault.effect === 'repeat') kernel.after(outMs + own.between(0, fault.ms), there)
      }
      const isAnswerLost = hits.some(({ fault }) => fault.effect === 'lose-answer')
      const isGone = isLost || isAnswerLost || outMs + homeMs > TIMEOUT_MS
      const noticedMs = random.chance(NOISE_CHANCE) ? random.between(0, BREAK_MS) : TIMEOUT_MS
      kernel.after(isGone ? noticedMs : outMs + homeMs, () => this.#arrive(reader, () => back(isGone)))
    }
  }

  /** What was begun by a process that is gone reaches nobody. */
  #arrive({ machine, epoch }: Reader, task: () => void): void {
    if (epoch === machine.epoch) machine.run(task)
  }

  #hit(reader: Reader, effects: readonly EngineFault['effect'][]): Front[] {
    const { kernel, note } = this.#options
    const { label } = reader.machine
    const hits = this.#fronts.filter(({ fault, random }) => {
      const isThere = fault.from <= kernel.now && kernel.now < fault.until
      if (!isThere || !effects.includes(fault.effect) || (fault.who !== null && fault.who !== label)) return false
      return random.chance(fault.chance)
    })
    for (const { fault } of hits) {
      note('engine', `${fault.effect} ${label}`)
      if (fault.effect !== 'deafen') reader.troubledAt = kernel.now
    }
    return hits
  }

  #delay(): number {
    const { random } = this.#options
    return random.between(0.05, random.chance(SLOW_CHANCE) ? SLOW_MS : this.#quickMs)
  }
}
