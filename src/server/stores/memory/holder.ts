import type { EndingReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { Granted, HolderState, Renewed } from '../../store.ts'

export interface Holder {
  /** `null`: acquired in the classic dialect. */
  readonly owner: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly fencingToken: number
  readonly since: number
  /** What a heartbeat restores. */
  leaseMs: number
  expiresAt: number
  /** Granted out of the queue and not confirmed by a heartbeat yet. */
  claim: boolean
  /** Why the end is fixed, if it is. */
  ending: EndingReason | null
}

/** Whether somebody in `mode` can hold beside these. */
export function isCompatible(holders: readonly Holder[], mode: LockMode): boolean {
  return holders.every((holder) => !isRival(holder, mode))
}

/** Whether `holder` and somebody in `mode` exclude each other. */
export function isRival(holder: Holder, mode: LockMode): boolean {
  return holder.mode === 'exclusive' || mode === 'exclusive'
}

/** Renews to the full lease from `now`, never to less than what is left. The end must not be fixed. */
export function extend(holder: Holder, leaseMs: number, now: number): void {
  holder.leaseMs = leaseMs
  holder.expiresAt = Math.max(holder.expiresAt, now + leaseMs)
}

/** Whole ms that are left, rounded down so that nobody is promised more than there is. */
function remaining(holder: Holder, now: number): number {
  return Math.max(0, Math.floor(holder.expiresAt - now))
}

export function asGranted(holder: Holder, now: number): Granted {
  const { fencingToken, leaseMs, claim, ending } = holder
  return { kind: 'granted', fencingToken, leaseMs, expiresInMs: remaining(holder, now), claim, ending }
}

export function asRenewed(holder: Holder, successor: Renewed['successor'], now: number): Renewed {
  const { fencingToken, leaseMs, ending } = holder
  return { kind: 'renewed', fencingToken, leaseMs, expiresInMs: remaining(holder, now), ending, successor }
}

export function asState(holder: Holder, now: number): HolderState {
  const { info, mode, since } = holder
  return { info, mode, sinceMs: Math.max(0, Math.floor(now - since)), expiresInMs: remaining(holder, now) }
}
