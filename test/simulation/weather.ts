import type { Fault, MessageKind } from './plan.ts'
import { Random } from './random.ts'

/** ms that a message takes at least. */
const SHORTEST_DELAY_MS = 0.5

type NetworkFault = Extract<Fault, { readonly kind: 'network' }>

interface Front {
  readonly fault: NetworkFault
  readonly random: Random
}

export interface WeatherOptions {
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly longestDelayMs: number
  /** True ms. */
  readonly now: () => number
}

/** What the network does to each message. */
export class Weather {
  /** For what is drawn whatever the faults are. */
  readonly random: Random
  readonly #options: WeatherOptions
  readonly #fronts: readonly Front[]

  constructor(options: WeatherOptions) {
    this.#options = options
    this.random = new Random(options.seed).fork(1)
    this.#fronts = options.faults.flatMap((fault) =>
      fault.kind === 'network' ? [{ fault, random: new Random(options.seed).fork(fault.stream) }] : [],
    )
  }

  /**
   * How long each copy of a message takes, in ms; none: it is lost.
   *
   * @param who the label of the client that sends it or is meant by it.
   * @param hit told of each fault that hits it.
   */
  fate(kind: MessageKind, who: string, hit: (what: string) => void): number[] {
    const now = this.#options.now()
    let delays = [this.random.between(SHORTEST_DELAY_MS, this.#options.longestDelayMs)]
    for (const { fault, random } of this.#fronts) {
      const isThere = fault.from <= now && now < fault.until
      const isMeant = fault.message === kind || fault.message === 'any'
      if (!isThere || !isMeant || (fault.who !== null && fault.who !== who)) continue
      if (!random.chance(fault.chance)) continue
      hit(`${fault.effect} ${kind}`)
      if (fault.effect === 'lose') delays = []
      if (fault.effect === 'delay') delays = delays.map((delay) => delay + random.between(0, fault.ms))
      if (fault.effect === 'duplicate') delays = delays.flatMap((delay) => [delay, delay + random.between(0, fault.ms)])
    }
    return delays
  }
}
