import { pause } from './async.ts'
import { type Held, sendRelease } from './calls.ts'
import { REQUEST_TIMEOUT_MS } from './connection.ts'
import type { ClientContext } from './context.ts'
import { isLockableError } from './errors.ts'
import { remaining, type Term } from './term.ts'

/** How often the release of an owner is repeated until it is answered. */
const ATTEMPTS = 3
const FIRST_DELAY_MS = 200

type Releasable = Pick<Held, 'name' | 'owner'>

/**
 * Tells the server that the holder let go.
 *
 * With an owner the release goes out at once and may be repeated. Without one it could free somebody else's lock, so it
 * goes out once, after the last heartbeat has ended and only within the term (safety rules 3 and 7).
 *
 * @returns the server's boolean; `false` if it was too late to tell it.
 */
export async function releaseGrant(
  context: ClientContext,
  lease: string,
  held: Releasable,
  term: Term,
  leaseMs: number,
): Promise<boolean> {
  const dropped = context.host().drop(lease)
  const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, Math.max(1_000, leaseMs / 6))
  if (held.owner !== null) return releaseOwner(context, held, timeoutMs)
  await dropped
  const left = remaining(term, context.runtime)
  if (left === 0) return false
  return send(context, held, Math.min(timeoutMs, left))
}

async function releaseOwner(context: ClientContext, held: Releasable, timeoutMs: number): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(context, held, timeoutMs)
    } catch (error) {
      const transient = isLockableError(error) && (error.code === 'network' || error.code === 'server')
      if (!transient || attempt === ATTEMPTS) throw error
      await pause(context.runtime, FIRST_DELAY_MS * 2 ** attempt)
    }
  }
}

/**
 * Hands a lock back that was given up while the server may still have it for us. With an owner that can harm nobody;
 * without one only within its term.
 */
export function releaseAfterLoss(context: ClientContext, held: Releasable, term: Term): void {
  if (held.owner === null && remaining(term, context.runtime) === 0) return
  context.background(send(context, held, REQUEST_TIMEOUT_MS))
}

function send({ runtime, connection }: ClientContext, held: Releasable, timeoutMs: number): Promise<boolean> {
  return sendRelease(runtime.send, held, connection.authToken, { timeoutMs, keepalive: true })
}
