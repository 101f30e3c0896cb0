import type { ServerClock } from '../clock.ts'
import { BoundedMap } from '../stores/memory/bounded-map.ts'

/** How often something may be done: `burst` times at once, and `perSecond` in the long run. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** The oldest are forgotten beyond: whoever is has a full bucket again, which strangers gain little by. */
const MOST_KEYS = 100_000

interface Bucket {
  tokens: number
  at: number
}

/** A bucket for each key that fills at a steady rate: nothing happens between two requests, so there is no timer. */
export class RateLimiter {
  readonly #clock: ServerClock
  readonly #rate: Rate
  readonly #buckets = new BoundedMap<Bucket>(MOST_KEYS)

  constructor(clock: ServerClock, rate: Rate) {
    this.#clock = clock
    this.#rate = rate
  }

  /** Takes one out, or `cost` of them. Returns 0, or the ms after which there would be enough; then nothing is taken. */
  take(key: string, cost: number = 1): number {
    const waitMs = this.wait(key, cost)
    if (waitMs > 0) return waitMs
    const bucket = this.#refill(key)
    bucket.tokens -= cost
    this.#buckets.set(key, bucket)
    return 0
  }

  /** What {@link take} would return, without taking. */
  wait(key: string, cost: number = 1): number {
    const { perSecond, burst } = this.#rate
    const missing = Math.min(cost, burst) - this.#refill(key).tokens
    return missing <= 0 ? 0 : Math.ceil((missing / perSecond) * 1000)
  }

  #refill(key: string): Bucket {
    const { perSecond, burst } = this.#rate
    const now = this.#clock.now()
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: burst, at: now }
    return { tokens: Math.min(burst, tokens + ((now - at) / 1000) * perSecond), at: now }
  }
}
