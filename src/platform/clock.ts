import { bootClock } from '../core/boot-clock.ts'
import type { Clock } from '../core/clock.ts'

const wall = () => Date.now()
const { now, slept } = bootClock(() => performance.now(), wall)

/** The clocks of this thread. */
export const platformClock: Clock & { slept(): number } = { now, wall, slept }
