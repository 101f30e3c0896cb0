import type { CancelTimer, Timers } from '../core/ports.ts'

/** The timers of this thread. */
export const platformTimers: Timers = {
  setTimer(fire, ms, background = false): CancelTimer {
    const timer: unknown = setTimeout(fire, ms)
    if (background) unref(timer)
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
}

/** Lets the process exit before the timer fires. A browser's timers are numbers, and Deno's may be. */
function unref(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null) (timer as { unref?(): void }).unref?.()
  else (globalThis as { Deno?: { unrefTimer?(id: unknown): void } }).Deno?.unrefTimer?.(timer)
}
