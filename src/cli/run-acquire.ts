import { describeError, isLockableError, NetworkError } from '../core/errors.ts'
import type { Lease } from '../core/lease.ts'
import type { Lockable } from '../lockable.ts'
import { platformClock } from '../platform/clock.ts'
import { platformTimers } from '../platform/timers.ts'
import type { RunCommand } from './run-settings.ts'

/** ms between attempts while the server cannot be reached. */
const RETRY_MS = 1_000

/**
 * Acquires the lock. With a timeout it goes on trying until then, also if the server cannot be reached; without one it
 * is as patient as the client.
 *
 * Rejects as `acquire()` does, but with what is wrong with the server if that is why the time is up, and with the reason
 * of `signal`.
 */
export async function acquireFor(client: Lockable, command: RunCommand, signal: AbortSignal): Promise<Lease> {
  const { name, isBlocking, isShared, leaseMs, info, timeoutMs } = command
  const until = timeoutMs === null ? Number.POSITIVE_INFINITY : platformClock.now() + timeoutMs
  const lock = client.lock(name, {
    blocking: isBlocking,
    mode: isShared ? 'shared' : 'exclusive',
    info,
    signal,
    ...(leaseMs !== null && { leaseDuration: leaseMs }),
  })
  let silence: string | null = null
  client.subscribe((event) => {
    if (event.type === 'acquire.waiting') silence = null
    if (event.type === 'acquire.retried') silence = event.error.message
  })
  for (;;) {
    try {
      const left = until - platformClock.now()
      return await lock.acquire(timeoutMs === null ? {} : { timeout: Math.max(1, Math.ceil(left)) })
    } catch (error) {
      if (isOver(error) && silence !== null) throw new NetworkError(silence, true, { cause: error })
      if (timeoutMs === null || !isPassing(error)) throw error
      silence = describeError(error).message
      await pause(Math.min(RETRY_MS, Math.max(0, until - platformClock.now())), signal)
    }
  }
}

function isOver(error: unknown): boolean {
  return isLockableError(error) && error.code === 'timeout'
}

/** Whether it may be better soon. */
function isPassing(error: unknown): boolean {
  const { code } = describeError(error)
  return code === 'network' || code === 'server'
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve) => {
    const cancel = platformTimers.setTimer(done, ms)
    signal.addEventListener('abort', done)
    function done(): void {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
  signal.throwIfAborted()
}
