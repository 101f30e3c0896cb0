import type { ServerClock } from '../../clock.ts'

/** Room for this many tokens in each ms, in numbers that stay safe integers until the year 2248. */
export const TOKENS_PER_MS = 1024

/**
 * Numbers that only ever grow, over restarts too: they start from the wall clock, and are counted on from the last one
 * where that clock was set back.
 */
export class FencingTokens {
  readonly #clock: ServerClock
  #last: number
  #prepared: number | null = null

  /** Begins above `floor`. */
  constructor(clock: ServerClock, floor: number = 0) {
    this.#clock = clock
    this.#last = floor
  }

  /** None was larger than this, here or in an earlier store; 0 if there was none. */
  get last(): number {
    return this.#last
  }

  /** From now on all are larger than `floor`. */
  raise(floor: number): void {
    this.#last = Math.max(this.#last, floor)
  }

  /** The number that {@link next} will give, which must be covered by the mark before. */
  prepare(): number {
    this.#prepared = Math.max(this.#last + 1, Math.floor(this.#clock.wall()) * TOKENS_PER_MS)
    return this.#prepared
  }

  /** A number larger than every one before. */
  next(): number {
    this.#last = this.#prepared ?? this.prepare()
    this.#prepared = null
    return this.#last
  }
}
