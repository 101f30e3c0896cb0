import { pause } from './async.ts'
import { type Held, sendRelease } from './calls.ts'
import { REQUEST_TIMEOUT_MS } from './connection.ts'
import type { ClientContext } from './context.ts'
import { isLockableError } from './errors.ts'
import { remaining, type Term } from './term.ts'

/** How often the release of an owner is repeated until it is answered. */
const ATTEMPTS = 3
const FIRST_DELAY_MS = 200
const SHORTEST_TIMEOUT_MS = 1_000

/** What is released, and until when it is certain to be ours. */
export interface Releasable extends Pick<Held, 'name' | 'owner'> {
  readonly term: Term
}

/**
 * Tells the server that the holder let go.
 *
 * With an owner the release goes out at once and may be repeated. Without one it could free somebody else's lock, so it
 * goes out once, after the last heartbeat has ended and only within the term (safety rules 3 and 7).
 *
 * @param dropped resolves when no heartbeat is on its way any more.
 * @returns the server's boolean; `false` if it was too late to tell it.
 */
export async function releaseGrant(
  context: ClientContext,
  held: Releasable,
  leaseMs: number,
  dropped: Promise<void>,
): Promise<boolean> {
  const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, Math.max(SHORTEST_TIMEOUT_MS, leaseMs / 6))
  if (held.owner !== null) return releaseOwner(context, held, timeoutMs)
  await dropped
  return releaseClassic(context, held, timeoutMs)
}

/**
 * Hands a lock back that was given up while the server may still have it for us. With an owner that can harm nobody;
 * without one only within its term, and after the last heartbeat.
 */
export async function releaseAfterLoss(
  context: ClientContext,
  held: Releasable,
  dropped: Promise<void>,
): Promise<unknown> {
  if (held.owner !== null) return send(context, held, REQUEST_TIMEOUT_MS)
  await dropped
  return releaseClassic(context, held, REQUEST_TIMEOUT_MS)
}

/** Hands a lock back from a page that is about to go: at once, since nothing of it runs after this. */
export async function releaseAtOnce(context: ClientContext, held: Releasable): Promise<unknown> {
  return held.owner === null
    ? releaseClassic(context, held, REQUEST_TIMEOUT_MS)
    : send(context, held, REQUEST_TIMEOUT_MS)
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

async function releaseClassic(context: ClientContext, held: Releasable, timeoutMs: number): Promise<boolean> {
  const left = remaining(held.term, context.runtime)
  return left === 0 ? false : send(context, held, Math.min(timeoutMs, left))
}

function send({ runtime, connection }: ClientContext, held: Releasable, timeoutMs: number): Promise<boolean> {
  const options = { timeoutMs, keepalive: true }
  return connection.withTokenAtHand((authToken) => sendRelease(runtime.send, held, authToken, options))
}
