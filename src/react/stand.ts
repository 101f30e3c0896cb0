import { shallow } from 'zustand/vanilla/shallow'
import type { Lease, Lock, Loss } from '../index.ts'
import { type LockSnapshot, type LockStoreState, lockOf, type StatusSnapshot, statusOf } from '../store/index.ts'
import type { Attempt } from './attempt.ts'
import { type Holder, holdersOf } from './holder.ts'
import { ACQUIRING, blockedView, failedView, heldView, IDLE, type LockView, lostView } from './lock-view.ts'

/** Where a name stands for the components that use it: what they want of it and have, without what the store knows. */
export type Stand =
  | { readonly phase: 'idle' }
  | { readonly phase: 'acquiring'; readonly attempt: Attempt; readonly outcome: Promise<Lease> }
  /** With `blocking: false`, somebody else held. */
  | { readonly phase: 'refused'; readonly lock: Lock }
  | { readonly phase: 'held'; readonly lock: Lock; readonly lease: Lease }
  | { readonly phase: 'lost'; readonly loss: Loss }
  | { readonly phase: 'failed'; readonly error: Error }

/** `stand` after what the store says: a lease can be lost, or be released by somebody else who has the `Lock`. */
export function follow(stand: Stand, state: LockStoreState): Stand {
  if (stand.phase !== 'held') return stand
  const lock = lockOf(state, stand.lock.id)
  if (lock?.lease !== stand.lease.id) return { phase: 'idle' }
  return lock.loss === null ? stand : { phase: 'lost', loss: lock.loss }
}

/** What components see of `stand`: `previous` if that is the same. */
export function viewOf(stand: Stand, name: string, state: LockStoreState, previous: LockView): LockView {
  const view = freshView(stand, name, state, previous.holder)
  return shallow(view, previous) ? previous : view
}

function freshView(stand: Stand, name: string, state: LockStoreState, before: Holder | null): LockView {
  switch (stand.phase) {
    case 'idle':
      return IDLE
    case 'acquiring': {
      const lock = lockOf(state, stand.attempt.lock.id)
      if (lock?.phase !== 'blocked' || !lock.queued) return ACQUIRING
      return blockedView(true, lock.position, holderOf(lock, statusOf(state, name), before))
    }
    case 'refused':
      return blockedView(false, null, holderOf(lockOf(state, stand.lock.id), statusOf(state, name), before))
    case 'held': {
      const lock = lockOf(state, stand.lock.id)
      return heldView(stand.lease, lock?.health ?? 'ok', lock?.ending ?? null)
    }
    case 'lost':
      return lostView(stand.loss)
    case 'failed':
      return failedView(stand.error)
  }
}

/** Who holds by the later of two words of the server. */
function holderOf(
  lock: LockSnapshot | undefined,
  status: StatusSnapshot | undefined,
  before: Holder | null,
): Holder | null {
  const previous = before === null ? [] : [before]
  const toldAt = lock?.holdersAt ?? Number.NEGATIVE_INFINITY
  if (status !== undefined && status.state !== 'unknown' && status.seenAt >= toldAt) {
    return holdersOf(status.holders, status.seenAt, previous)[0] ?? null
  }
  if (lock === undefined) return before
  return holdersOf(lock.holders, toldAt, previous)[0] ?? null
}
