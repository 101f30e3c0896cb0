import type { ServerClock } from '../../clock.ts'

/** Room for this many tokens in each ms, in numbers that stay safe integers until the year 2248. */
const TOKENS_PER_MS = 1024

/**
 * Numbers that only ever grow, over restarts too: they start from the wall clock, and are counted on from the last one
 * where that clock was set back.
 */
export class FencingTokens {
  readonly #clock: ServerClock
  #last = 0

  constructor(clock: ServerClock) {
    this.#clock = clock
  }

  /** A number larger than every one before. */
  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#clock.wall()) * TOKENS_PER_MS)
    return this.#last
  }
}
