import type { EndReason, Json } from '../../../protocol/wire.ts'
import type { Holder } from './holder.ts'
import type { Waiter } from './wait-queue.ts'

/** A number of ms that may be `Infinity`, which JSON does not know. */
export type Ms = number | null

export type HolderImage = Omit<Holder, 'session' | 'ownEnd'> & { readonly session: string | null; readonly ownEnd: Ms }

export type WaiterImage = Omit<Waiter, 'session' | 'liveUntil'> & {
  readonly session: string | null
  readonly liveUntil: Ms
}

export interface LockImage {
  readonly name: string
  readonly holders: readonly HolderImage[]
  readonly queue: readonly WaiterImage[]
}

export interface TombstonesImage {
  readonly keepMs: number
  readonly stones: readonly (readonly [key: string, stone: { readonly reason: EndReason; readonly until: number }])[]
}

export interface SpaceImage {
  readonly namespace: string
  readonly tombstones: TombstonesImage
  readonly lastTokens: readonly (readonly [name: string, token: number])[]
  readonly locks: readonly LockImage[]
}

/** An owner of a session, and the lock that it is about. */
export type OwnerImage = readonly [owner: string, name: string]

export interface SessionImage {
  readonly id: string
  readonly namespace: string
  readonly epoch: number
  readonly leaseMs: number
  readonly info: Json
  readonly seq: number
  readonly expiresAt: number
  readonly liveUntil: number
  readonly holds: readonly OwnerImage[]
  readonly places: readonly OwnerImage[]
  readonly claims: readonly OwnerImage[]
  readonly bounded: readonly OwnerImage[]
  readonly endings: readonly OwnerImage[]
  readonly ended: readonly (readonly [owner: string, end: { readonly name: string; readonly reason: EndReason }])[]
}

export interface SessionTableImage {
  readonly lastEpoch: number
  readonly tombstones: TombstonesImage
  /** Of sessions that never were. */
  readonly unknown: TombstonesImage
  readonly sessions: readonly SessionImage[]
}

/**
 * All that a store in memory knows, as JSON, in every order that matters: a store that is filled with it does the same
 * from then on as the one that it is of. All times are monotonic ms.
 */
export interface StoreImage {
  readonly lastToken: number
  readonly graceUntil: number
  readonly table: SessionTableImage
  readonly spaces: readonly SpaceImage[]
}

export function asMs(ms: number): Ms {
  return ms === Number.POSITIVE_INFINITY ? null : ms
}

export function fromMs(ms: Ms): number {
  return ms ?? Number.POSITIVE_INFINITY
}
