/** A moment by both clocks of one thread, in ms. Comparable only with instants of the same thread. */
export interface Instant {
  /** By the monotonic clock. It counts sleep where that was noticed; see `bootClock`. */
  readonly mono: number
  /** By the wall clock, which jumps when somebody sets it, and knows of a sleep that nobody has noticed yet. */
  readonly wall: number
}

/** The two clocks of a thread. */
export interface Clock {
  /** Monotonic ms since an arbitrary origin. */
  now(): number
  /** Wall-clock ms since 1970. */
  wall(): number
}

/** The present moment by both clocks. */
export function instant(clock: Clock): Instant {
  return { mono: clock.now(), wall: clock.wall() }
}

/**
 * How many ms have certainly not been exceeded since `then`: the larger difference of the two clocks, so that a lease
 * ends in time though one of them stood still. A wall clock that was set back alone changes nothing.
 */
export function elapsed(then: Instant, now: Instant): number {
  return Math.max(now.mono - then.mono, now.wall - then.wall, 0)
}
