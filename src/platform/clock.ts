import type { Clock } from '../core/clock.ts'

/** The clocks of this thread. */
export const platformClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
}
