import type { EndingReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { Granted, HolderState, Renewed } from '../../store.ts'
import type { Session } from './session.ts'

export interface Holder {
  /** `null`: acquired in the classic dialect. */
  readonly owner: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly fencingToken: number
  readonly since: number
  /** When the owner first asked. */
  readonly arrivedAt: number
  /** Whose lease it lives by; `null`: it has one of its own. */
  readonly session: Session | null
  /** What a heartbeat restores. */
  leaseMs: number
  /**
   * When it ends by itself; see {@link endOf}. With a session: `Infinity`, unless it is a claim or its end is fixed.
   */
  ownEnd: number
  /** Granted out of the queue and not confirmed yet. */
  claim: boolean
  /** Why the end is fixed, if it is. */
  ending: EndingReason | null
}

/** Whether somebody in `mode` can hold beside these. */
export function isCompatible(holders: readonly Holder[], mode: LockMode): boolean {
  return holders.every((holder) => !isRival(holder, mode))
}

/** Whether a holder and somebody in `mode` exclude each other. */
export function isRival(holder: Pick<Holder, 'mode'>, mode: LockMode): boolean {
  return holder.mode === 'exclusive' || mode === 'exclusive'
}

/** When `holder` ends unless it is renewed: never later than its session. */
export function endOf({ ownEnd, session }: Holder): number {
  return session === null ? ownEnd : Math.min(ownEnd, session.expiresAt)
}

/**
 * Renews to the full lease from `now`, never to less than what is left. It must have a lease of its own, and its end
 * must not be fixed.
 */
export function extend(holder: Holder, leaseMs: number, now: number): void {
  holder.leaseMs = leaseMs
  holder.ownEnd = Math.max(holder.ownEnd, now + leaseMs)
}

/** Whole ms that are left, rounded down so that nobody is promised more than there is. */
export function remaining(holder: Holder, now: number): number {
  return Math.max(0, Math.floor(endOf(holder) - now))
}

/** Whole ms, rounded down, since the owner first asked. */
export function sinceArrival({ arrivedAt }: Holder, now: number): number {
  return Math.max(0, Math.floor(now - arrivedAt))
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
