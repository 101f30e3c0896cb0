import type { AcquireReply } from '../../protocol/wire.ts'
import type { ServerClock } from '../clock.ts'
import type { Observer } from '../observe/facts.ts'
import type { AcquireOutcome, AcquireStep, LockStore } from '../store.ts'
import type { Parking } from './parking.ts'
import { acquireProblem, acquireReply, grantedReply, isProblem, refusedReply, shutdownReply } from './replies.ts'

/** What an acquire of the owned dialect works with. */
export interface AcquireContext {
  readonly store: LockStore
  readonly clock: ServerClock
  readonly parking: Parking
  readonly observe: Observer
}

/** An {@link AcquireStep} of the owned dialect. */
export type OwnedAcquire = AcquireStep & { readonly owner: string }

/**
 * Acquires, and parks the request while it must wait. `signal` aborts when the client has gone.
 *
 * Throws the problems `owner-spent`, `owner-conflict` and `too-many-requests`.
 */
export async function acquireOwned(
  context: AcquireContext,
  step: OwnedAcquire,
  signal: AbortSignal,
): Promise<AcquireReply> {
  if (context.parking.isClosed) return shutdownReply(step.owner)
  if (step.waitMs > 0) return acquireWaiting(context, step, signal)
  return answer(step.owner, await context.store.acquire(step))
}

async function acquireWaiting(context: AcquireContext, step: OwnedAcquire, signal: AbortSignal): Promise<AcquireReply> {
  const { store, clock, parking, observe } = context
  const arrivedAt = clock.now()
  // Parked before it asks, or a grant between the store's answer and the parking would go unheard.
  const parked = parking.enter(step, step.waitMs, signal)
  try {
    const outcome = await store.acquire(step)
    if (outcome.kind !== 'queued') return answer(step.owner, outcome)
    const wake = await parked.woken
    const attachMs = parked.leave()
    // Taken before the step that tells what is left: the client adds the two up to its deadline.
    const waitedMs = clock.now() - arrivedAt
    const { namespace, name, owner } = step
    const standing = await store.attend({ namespace, name, owner, attachMs })
    if (standing.kind === 'granted') {
      // One that was not woken for it has found it by itself.
      if (wake === 'changed') observe({ kind: 'hand-off', ms: clock.now() - arrivedAt - waitedMs })
      return grantedReply(owner, standing, waitedMs)
    }
    if (standing.kind === 'gone') return refusedReply(owner, 'timeout')
    if (standing.kind === 'queued' && wake === 'shutdown') return shutdownReply(owner)
    return answer(owner, standing)
  } finally {
    parked.leave()
  }
}

function answer(owner: string, outcome: AcquireOutcome): AcquireReply {
  if (isProblem(outcome)) throw acquireProblem(outcome)
  return acquireReply(owner, outcome)
}
