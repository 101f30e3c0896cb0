import type { Timers } from '../core/ports.ts'

/** What is watched of a lease. */
export interface WatchedLease {
  /** ms that are certain. */
  remaining(): number
  /** Aborts when it is lost. */
  readonly signal: AbortSignal
}

export interface LeaseWatchOptions {
  readonly timers: Timers
  /** How long before its end a lease that is not renewed is given up, in ms. Never more than a third of it. */
  readonly earlyMs: number
  /** Called once, at most, when it was not renewed and ends so soon. */
  readonly endsSoon: (remainingMs: number) => void
  /** Called once, at most, when it is lost. */
  readonly lost: () => void
}

/** Part of the longest term that was seen. A claim out of the queue is short at first, and is renewed at once. */
const EARLY_PART = 1 / 3

/** Watches a lease until the function that it returns is called. */
export function watchLease(lease: WatchedLease, { timers, earlyMs, endsSoon, lost }: LeaseWatchOptions): () => void {
  let longest = 0
  let cancelTimer = () => {}
  lease.signal.addEventListener('abort', over)
  look()
  return stop

  function look(): void {
    const remaining = lease.remaining()
    if (remaining === 0) return
    longest = Math.max(longest, remaining)
    const early = Math.min(earlyMs, longest * EARLY_PART)
    if (remaining <= early) return endsSoon(remaining)
    cancelTimer = timers.setTimer(look, Math.max(1, Math.ceil(remaining - early)), true)
  }

  function over(): void {
    stop()
    lost()
  }

  function stop(): void {
    cancelTimer()
    lease.signal.removeEventListener('abort', over)
  }
}
