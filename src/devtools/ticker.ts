/** The period of the one timer of a panel, in ms: at most four repaints a second. */
export const TICK_MS = 250

/** One timer for all countdowns of a panel. */
export interface Ticker {
  readonly subscribe: (listener: () => void) => () => void
  /** Wall-clock ms at the last tick: all that is drawn at one time shows the same moment. */
  readonly now: () => number
}

/** The timer runs while anybody is subscribed, and not otherwise. */
export function createTicker(): Ticker {
  const listeners = new Set<() => void>()
  let now = Date.now()
  let timer: ReturnType<typeof setInterval> | undefined

  const tick = () => {
    now = Date.now()
    for (const listener of [...listeners]) listener()
  }
  return {
    now: () => now,
    subscribe: (listener) => {
      if (listeners.size === 0) {
        now = Date.now()
        timer = setInterval(tick, TICK_MS)
      }
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) clearInterval(timer)
      }
    },
  }
}
