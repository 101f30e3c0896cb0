import type { AcquireOptions, Lease, Lock } from '../index.ts'

/** How an attempt takes the lock: in its turn, or over from its holder. */
export type Manner = 'in-turn' | 'take-over'

/** One way to a lease, from `acquire()` until it is held, refused or given up. */
export interface Attempt {
  readonly lock: Lock
  readonly manner: Manner
  readonly outcome: Promise<Lease>
  /** Aborts when it is given up, with the reason. */
  readonly signal: AbortSignal
  /** Gives it up; a lease that is granted nevertheless is released. Resolves when nothing of it is under way. */
  letGo(reason: Error): Promise<void>
  /** Gives it up in favour of another one, which inherits a lease that is granted nevertheless. */
  yield(reason: Error): Promise<Lease | null>
}

/**
 * Begins to acquire `lock`.
 *
 * @param before what has to end first, since a `Lock` takes one `acquire()` at a time; its lease is inherited.
 */
export function beginAttempt(lock: Lock, manner: Manner, before: Promise<Lease | null> | null): Attempt {
  const controller = new AbortController()
  const { signal } = controller
  const outcome = obtain(lock, manner, before, signal)
  const ended = outcome.then(
    (lease) => lease,
    () => null,
  )
  return {
    lock,
    manner,
    outcome,
    signal,
    async letGo(reason) {
      controller.abort(reason)
      const lease = await ended
      await lease?.release()
    },
    yield(reason) {
      controller.abort(reason)
      return ended
    },
  }
}

async function obtain(
  lock: Lock,
  manner: Manner,
  before: Promise<Lease | null> | null,
  signal: AbortSignal,
): Promise<Lease> {
  const inherited = before && (await before)
  if (inherited?.state === 'held') return inherited
  signal.throwIfAborted()
  return lock.acquire(acquireOptions(manner, signal))
}

function acquireOptions(manner: Manner, signal: AbortSignal): AcquireOptions {
  // To take over is to wait for the end of the holder's lease, also for who would not queue.
  return manner === 'take-over' ? { signal, steal: 'safe', blocking: true } : { signal }
}
