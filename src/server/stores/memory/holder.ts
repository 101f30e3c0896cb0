import type { EndingReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { Granted, HolderState, Renewed } from '../../store.ts'
import { CLAIM_MS } from '../../timing.ts'
import type { Session } from './session.ts'

export interface Holder {
  /** `null`: acquired in the classic dialect. */
  readonly owner: string | null
  /** Who asked. */
  readonly subject: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly fencingToken: number
  readonly since: number
  /** When the owner first asked. */
  readonly arrivedAt: number
  /** Whose lease it lives by; `null`: it has one of its own. */
  readonly session: Session | null
  /** How long after `since` it ends at the latest, in ms; `null`: never, as long as it is renewed. */
  readonly maxHoldMs: number | null
  /** What a heartbeat restores. */
  leaseMs: number
  /**
   * When it ends by itself; see {@link endOf}. With a session: its {@link boundOf}, unless it is a claim or its end is
   * fixed.
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
 * Beyond this no lease goes; `Infinity` if nothing bounds it. In a session that is not before all ends that were promised
 * before the grant: a heartbeat which the client sent after it asked may have been answered before it was granted.
 */
export function boundOf({ since, maxHoldMs, session }: Pick<Holder, 'since' | 'maxHoldMs' | 'session'>): number {
  if (maxHoldMs === null) return Number.POSITIVE_INFINITY
  return since + Math.max(maxHoldMs, session?.leaseMs ?? 0)
}

/** Its first lease, from `now`. */
export function begin(holder: Holder, now: number): void {
  const { claim, session, leaseMs } = holder
  if (claim) holder.ownEnd = Math.min(now + Math.min(leaseMs, CLAIM_MS), boundOf(holder))
  else if (session === null) extend(holder, leaseMs, now)
  // The session fixes the end as soon as it would itself live longer.
  else holder.ownEnd = boundOf(holder)
}

/**
 * Renews to the full lease from `now`, never to less than what is left. It must have a lease of its own, and its end
 * must not be fixed. That is fixed from when a renewal can gain nothing more.
 */
export function extend(holder: Holder, leaseMs: number, now: number): void {
  const bound = boundOf(holder)
  holder.leaseMs = leaseMs
  holder.ownEnd = Math.max(holder.ownEnd, Math.min(now + leaseMs, bound))
  if (holder.ownEnd >= bound) holder.ending = 'revoked'
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
