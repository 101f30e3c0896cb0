import type { Timers } from './ports.ts'

/**
 * Settles as `task` does, or rejects with the reason of `signal` when that aborts first. What `task` brings after that
 * is given to `late`, so that nothing that was granted goes unheard.
 */
export function abandonable<T>(task: Promise<T>, signal: AbortSignal, late: (value: T) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    let abandoned = false
    const abandon = () => {
      abandoned = true
      reject(signal.reason)
    }
    if (signal.aborted) abandon()
    else signal.addEventListener('abort', abandon, { once: true })
    task.then(
      (value) => {
        signal.removeEventListener('abort', abandon)
        if (abandoned) late(value)
        else resolve(value)
      },
      (error) => {
        signal.removeEventListener('abort', abandon)
        if (!abandoned) reject(error)
      },
    )
  })
}

/**
 * Resolves after `ms`, or rejects with the reason of `signal`.
 *
 * @param background the pause alone must not keep the process alive. Default `false`.
 */
export function pause(timers: Timers, ms: number, signal?: AbortSignal, background = false): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = timers.setTimer(
      () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      },
      ms,
      background,
    )
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Settles as `task` does, or rejects with `late` after `ms`. */
export function within<T>(timers: Timers, task: Promise<T>, ms: number, late: unknown): Promise<T> {
  const patience = new AbortController()
  const cancel = timers.setTimer(() => patience.abort(late), ms)
  return abandonable(task, patience.signal).finally(cancel)
}

/** A signal that aborts with any of several others, or by `abort`, until it is undone. */
export interface LinkedAbort {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** Takes the listeners off the other signals, which may live for long. */
  undo(): void
}

/**
 * Links signals by hand: `AbortSignal.any` over `AbortSignal.timeout` never fires in Node 20 once it was collected as
 * garbage.
 */
export function linkAborts(signals: readonly (AbortSignal | undefined)[]): LinkedAbort {
  const controller = new AbortController()
  const undos: (() => void)[] = []
  for (const signal of signals) {
    if (!signal) continue
    const follow = () => controller.abort(signal.reason)
    if (signal.aborted) follow()
    else signal.addEventListener('abort', follow, { once: true })
    undos.push(() => signal.removeEventListener('abort', follow))
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    undo: () => {
      for (const undo of undos) undo()
    },
  }
}
