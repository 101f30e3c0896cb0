/** How often the time of a log is moved on while anything is held, in ms. */
export const TICK_MS = 250

/** The most by which a tick moves it on, in ms: if it comes later than that, the time was slow. */
export const LONGEST_TICK_MS = 400

/**
 * How much later than its holder is told a lease ends, in ms of the log's time.
 *
 * What is told at some record is counted by the client from when it asked, which may be as late as the next tick but
 * one is made: whoever makes that has seen the next tick, and so this record. From there on the time of the log passes
 * no faster than that of the world, since each tick counts from when its maker saw the one before. Until then it moves
 * by two ticks at most.
 */
export const SLACK_MS: number = 2 * LONGEST_TICK_MS

/** How long a step is tried, in ms, while the engine does not answer. */
export const PATIENCE_MS = 3_000

/** The pause before it is tried again, in ms. */
export const RETRY_MS = 100
