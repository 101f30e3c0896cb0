import type { Health, Lease, Loss } from '../index.ts'
import type { EndingSnapshot } from '../store/index.ts'
import type { Holder } from './holder.ts'

/** Every member of a {@link LockView}, as it is where it says nothing. */
interface Nothing {
  /** Whether this client holds the lock. Guard writes with `lease.signal` and `lease.fencingToken`, not with this. */
  readonly isHeld: false
  /** While `held`: how the heartbeats go. `late` and `offline` are no loss: the lease still runs. */
  readonly health: null
  /** While `held`: the grant, whose `signal` aborts at the moment of a loss, before anything renders. */
  readonly lease: null
  /** While `blocked`: who holds, the first if they are several; `null` when it is not known or nobody does any more. */
  readonly holder: null
  /** While `blocked` and `queued`: 1 for the next in turn; `null` where the server has no queue. */
  readonly position: null
  /** While `blocked`: `true` if we wait for the lock, `false` with `blocking: false`. */
  readonly queued: false
  /** While `held`: why and when the lease will end (somebody takes over, or it was revoked). */
  readonly ending: null
  /** While `lost`: why. */
  readonly loss: null
  /** While `failed`: what `acquire()` rejected with. */
  readonly error: null
}

/** Not wanted: `enabled: false`, a `null` name, after `release()`, on a server and while a page hydrates. */
export interface IdleView extends Nothing {
  readonly status: 'idle'
}

/** Wanted, and the server has not said yet whether somebody else holds. */
export interface AcquiringView extends Nothing {
  readonly status: 'acquiring'
}

/** Somebody else holds. */
export interface BlockedView extends Omit<Nothing, 'holder' | 'position' | 'queued'> {
  readonly status: 'blocked'
  readonly holder: Holder | null
  readonly position: number | null
  readonly queued: boolean
}

/** This client holds. */
export interface HeldView extends Omit<Nothing, 'isHeld' | 'health' | 'lease' | 'ending'> {
  readonly status: 'held'
  readonly isHeld: true
  readonly health: Health
  readonly lease: Lease
  readonly ending: EndingSnapshot | null
}

/** Held before, and gone. Stays until `acquire()` or `release()`. */
export interface LostView extends Omit<Nothing, 'loss'> {
  readonly status: 'lost'
  readonly loss: Loss
}

/** `acquire()` was given up with an error. Stays until `acquire()` or `release()`. */
export interface FailedView extends Omit<Nothing, 'error'> {
  readonly status: 'failed'
  readonly error: Error
}

/** Where a lock is, for one client and name: shared by all components that use it. Every arm lists every member. */
export type LockView = IdleView | AcquiringView | BlockedView | HeldView | LostView | FailedView

const NOTHING: Nothing = {
  isHeld: false,
  health: null,
  lease: null,
  holder: null,
  position: null,
  queued: false,
  ending: null,
  loss: null,
  error: null,
}

export const IDLE: IdleView = Object.freeze({ ...NOTHING, status: 'idle' })
export const ACQUIRING: AcquiringView = Object.freeze({ ...NOTHING, status: 'acquiring' })

export function blockedView(queued: boolean, position: number | null, holder: Holder | null): BlockedView {
  return Object.freeze({ ...NOTHING, status: 'blocked', queued, position, holder })
}

export function heldView(lease: Lease, health: Health, ending: EndingSnapshot | null): HeldView {
  return Object.freeze({ ...NOTHING, status: 'held', isHeld: true, lease, health, ending })
}

export function lostView(loss: Loss): LostView {
  return Object.freeze({ ...NOTHING, status: 'lost', loss })
}

export function failedView(error: Error): FailedView {
  return Object.freeze({ ...NOTHING, status: 'failed', error })
}
