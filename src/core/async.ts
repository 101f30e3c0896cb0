import type { Timers } from './ports.ts'

const followers = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `follow` when `signal` aborts, or at once if it has; returns the way to stop.
 *
 * However many follow a signal, it has one listener: Node warns of a leak when there are more than ten, and a hundred
 * acquires may well share one signal.
 */
export function onAbort(signal: AbortSignal, follow: () => void): () => void {
  if (signal.aborted) {
    follow()
    return () => {}
  }
  const own = () => follow()
  const known = followers.get(signal)
  if (known) known.add(own)
  else listen(signal, new Set([own]))
  return () => {
    const others = followers.get(signal)
    if (others?.delete(own) && others.size === 0) unlisten(signal)
  }
}

const listeners = new WeakMap<AbortSignal, () => void>()

function listen(signal: AbortSignal, all: Set<() => void>): void {
  const listener = () => {
    unlisten(signal)
    for (const follow of [...all]) follow()
  }
  followers.set(signal, all)
  listeners.set(signal, listener)
  signal.addEventListener('abort', listener, { once: true })
}

function unlisten(signal: AbortSignal): void {
  const listener = listeners.get(signal)
  if (listener) signal.removeEventListener('abort', listener)
  followers.delete(signal)
  listeners.delete(signal)
}

/**
 * Settles as `task` does, or rejects with the reason of `signal` when that aborts first. What `task` brings after that
 * is given to `late`, so that nothing that was granted goes unheard.
 */
export function abandonable<T>(task: Promise<T>, signal: AbortSignal, late: (value: T) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    let abandoned = false
    const stop = onAbort(signal, () => {
      abandoned = true
      reject(signal.reason)
    })
    task.then(
      (value) => {
        stop()
        if (abandoned) late(value)
        else resolve(value)
      },
      (error) => {
        stop()
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
    let stop = () => {}
    const cancel = timers.setTimer(
      () => {
        stop()
        resolve()
      },
      ms,
      background,
    )
    if (!signal) return
    stop = onAbort(signal, () => {
      cancel()
      reject(signal.reason)
    })
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
 *
 * @param through passes each abort on, perhaps later. Default: at once.
 */
export function linkAborts(
  signals: readonly (AbortSignal | undefined)[],
  through: (abort: () => void) => void = (abort) => abort(),
): LinkedAbort {
  const controller = new AbortController()
  const undos: (() => void)[] = []
  for (const signal of signals) {
    if (!signal) continue
    undos.push(onAbort(signal, () => through(() => controller.abort(signal.reason))))
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    undo: () => {
      for (const undo of undos) undo()
    },
  }
}
