/** ms by which two clocks may differ by their resolution alone. */
const NOISE_MS = 2

/** How often both clocks are read again before a difference counts. */
const READS = 2

/**
 * A monotonic clock that counts sleep: `mono` plus every forward move of the wall clock against it.
 *
 * `performance.now()` may stand still while the machine sleeps, and the wall clock then shows how long. But the wall
 * clock can be set back, too, and a sleep after that would hide behind the difference. So the moves are looked at one by
 * one, each time that the clock is read, and those that go forward are added up for good. To set the wall clock forward
 * ends leases early; that is the safe side.
 *
 * @returns `now`: ms since an arbitrary origin. `slept`: how many of them `mono` did not count.
 */
export function bootClock(mono: () => number, wall: () => number): { now(): number; slept(): number } {
  let slept = 0
  let offset = wall() - mono()
  const now = () => {
    let read = mono()
    let moved = wall() - read - offset
    // A thread that is held up between the two reads sees the wall clock move on. It is not held up every time.
    for (let again = 0; moved > NOISE_MS && again < READS; again += 1) {
      read = mono()
      moved = Math.min(moved, wall() - read - offset)
    }
    if (moved > NOISE_MS) slept += moved
    if (Math.abs(moved) > NOISE_MS) offset += moved
    return read + slept
  }
  return { now, slept: () => slept }
}
