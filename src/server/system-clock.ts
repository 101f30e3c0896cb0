import type { ServerClock } from './clock.ts'

/** The longest delay a timer can have in any runtime; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The clocks and timers of this process. Timers alone do not keep a Node process alive. */
export const systemClock: ServerClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer(fire, ms) {
    const timer: unknown = setTimeout(fire, Math.min(ms, LONGEST_TIMER_MS))
    if (canUnref(timer)) timer.unref()
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
}

function canUnref(timer: unknown): timer is { unref(): void } {
  return typeof timer === 'object' && timer !== null && 'unref' in timer
}
