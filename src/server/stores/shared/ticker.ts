import type { ServerClock } from '../../clock.ts'
import { LONGEST_TICK_MS, TICK_MS } from './timing.ts'

/** How long a server waits for the ticks of another one before it takes over, in ms. */
const TAKE_OVER_MS: number = 2 * TICK_MS

/**
 * Says when the time of the log is to be moved on. Whoever made the last tick makes the next one; the others look from
 * time to time, and take over where none has come.
 */
export class Ticker {
  readonly #clock: ServerClock
  readonly #ring: () => void
  #cancelTimer: () => void = () => undefined
  /** When the last tick was seen: after it was made, whoever made it. */
  #seenAt: number
  #lookedAt: number
  #isMine = false
  #isResting = true

  /** @param ring called when something may be {@link due}. */
  constructor(clock: ServerClock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
    this.#seenAt = clock.now()
    this.#lookedAt = this.#seenAt
  }

  /** What is to be done: make a tick, look for one of another server, or nothing. */
  get due(): 'tick' | 'look' | null {
    if (this.#isResting || this.#dueInMs > 0) return null
    return this.#isMine || this.#isOverdue ? 'tick' : 'look'
  }

  /** Whole ms by which a tick made now moves the time on. */
  get elapsedMs(): number {
    return Math.min(LONGEST_TICK_MS, Math.floor(this.#clock.now() - this.#seenAt))
  }

  /** A tick has been seen. */
  seen(isMine: boolean): void {
    this.#seenAt = this.#clock.now()
    this.#isMine = isMine
  }

  /** This server has written something. While nobody needs the time there are no ticks, so whoever ends that makes them. */
  wrote(): void {
    if (this.#isResting) this.#isMine = true
  }

  /**
   * Everything has been seen that there was, or an attempt to has failed.
   *
   * @param isIdle nothing is held and nobody waits, so the time need not pass.
   */
  looked(isIdle: boolean): void {
    this.#lookedAt = this.#clock.now()
    this.#isResting = isIdle
    if (isIdle) this.#cancelTimer()
    else this.#setTimer()
  }

  stop(): void {
    this.#isResting = true
    this.#cancelTimer()
  }

  #setTimer(): void {
    this.#cancelTimer()
    // Timers may fire a little early.
    const fire = () => (this.due === null ? this.#setTimer() : this.#ring())
    this.#cancelTimer = this.#clock.setTimer(fire, Math.max(1, Math.ceil(this.#dueInMs)))
  }

  get #dueInMs(): number {
    return this.#dueAt - this.#clock.now()
  }

  /** Whoever is asked all the time looks all the time, and must take over even so. */
  get #dueAt(): number {
    if (this.#isMine) return this.#seenAt + TICK_MS
    return this.#isOverdue ? this.#lookedAt : this.#lookedAt + TAKE_OVER_MS
  }

  /** The last look, which was long enough after the last tick, has found none. */
  get #isOverdue(): boolean {
    return this.#lookedAt - this.#seenAt >= TAKE_OVER_MS
  }
}
