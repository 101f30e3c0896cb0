import type { EndingReason, EndReason, Json, LockMode, Steal } from '../protocol/wire.ts'

/** Which lock. Names of different namespaces have nothing to do with each other. */
export interface LockRef {
  readonly namespace: string
  readonly name: string
}

/** Which acquisition of which lock; the owner `null` is the classic dialect, which knows none. */
export interface OwnerRef extends LockRef {
  readonly owner: string | null
}

export interface AcquireStep extends OwnerRef {
  readonly leaseMs: number
  /** How long the request will be attached if it must wait, in ms; 0: take no place in the queue. */
  readonly waitMs: number
  readonly mode: LockMode
  readonly ifAvailable: boolean
  readonly steal: Steal | null
  readonly info: Json
}

export interface AttendStep extends OwnerRef {
  /** How much longer a request is attached, in ms; 0 when the last one of this owner has ended. */
  readonly attachMs: number
}

export interface RenewStep extends OwnerRef {
  /** `null`: as long as the lease was granted or last renewed for. */
  readonly leaseMs: number | null
}

/** A holder as others may see it. */
export interface HolderState {
  readonly info: Json
  readonly mode: LockMode
  readonly sinceMs: number
  readonly expiresInMs: number
}

export interface Granted {
  readonly kind: 'granted'
  readonly fencingToken: number
  readonly leaseMs: number
  /** Whole ms, rounded down, that were left at some instant within this very step. */
  readonly expiresInMs: number
  readonly claim: boolean
  readonly ending: EndingReason | null
}

export interface Queued {
  readonly kind: 'queued'
  /** 1 for the head of the queue. */
  readonly position: number
  readonly holders: readonly HolderState[]
  /** ms until the store grants anything at all; 0 outside its grace period. */
  readonly graceMs: number
}

/** Not granted, and no place in the queue. */
export interface Refused {
  readonly kind: 'refused'
  readonly holders: readonly HolderState[]
  readonly graceMs: number
}

/** The owner is finished: it has a tombstone. */
export interface Spent {
  readonly kind: 'spent'
  readonly reason: EndReason
}

/** The owner holds or waits, and asked for something else then. */
export interface Conflict {
  readonly kind: 'conflict'
  readonly member: 'mode' | 'if_available'
}

/** A limit of the store is reached. */
export interface Full {
  readonly kind: 'full'
  readonly limit: keyof StoreLimits
  readonly most: number
}

/** The owner neither holds nor waits, and never did as far as is known. */
export interface Gone {
  readonly kind: 'gone'
}

export type AcquireOutcome = Granted | Queued | Refused | Spent | Conflict | Full
export type AttendOutcome = Granted | Queued | Spent | Gone

export interface Renewed {
  readonly kind: 'renewed'
  readonly fencingToken: number
  readonly leaseMs: number
  readonly expiresInMs: number
  /** Set: the end is fixed and this renewal did not move it. */
  readonly ending: EndingReason | null
  readonly successor: { readonly info: Json } | null
}

export interface Ended {
  readonly kind: 'ended'
  readonly reason: EndReason
}

export type RenewOutcome = Renewed | Ended

/** `released` also for a waiter that gave up its place, and for a repetition. */
export type ReleaseOutcome = { readonly kind: 'released' } | Ended

export interface LockState {
  /** `null`: free. */
  readonly mode: LockMode | null
  /** The latest one granted for this name, if it is still remembered. */
  readonly fencingToken: number | null
  readonly holders: readonly HolderState[]
  readonly waiters: number
}

/** What bounds the memory that strangers can make a store use. */
export interface StoreLimits {
  /** Names that are held or waited for, in a namespace. */
  readonly locks: number
  /** Holders and waiters of one lock together. */
  readonly ownersPerLock: number
  /** Waiters of all locks of a namespace. */
  readonly waiters: number
  /** Finished owners that are remembered in a namespace; the oldest is forgotten first. */
  readonly tombstones: number
}

export interface StoreTraits {
  readonly kind: string
  /** Locks survive a restart of the store. */
  readonly durable: boolean
  readonly linearizable: boolean
  /** What a restart does to locks; `grace`: they are forgotten, and nothing is granted until they have run out. */
  readonly restart: 'durable' | 'grace' | 'forgets'
}

/**
 * Where locks live. Each operation is one atomic step of the store, and every duration in it is computed by the store's
 * own clock within that step. Expired leases and lapsed tickets have already been dealt with when a step looks at a lock.
 *
 * A store that cannot carry out a step throws {@link StoreUnavailableError}: the outcome is then unknown, which is
 * never the same as a "no".
 */
export interface LockStore {
  readonly traits: StoreTraits

  /**
   * Grants, enqueues or refuses. The same owner again gets the same grant again, renewed to the full lease, but a claim
   * stays a claim and a fixed end stays fixed; an owner that waits keeps its place and is alive for `waitMs` and a ticket.
   */
  acquire(step: AcquireStep): Promise<AcquireOutcome>

  /** Says that a waiter is alive for `attachMs` and a ticket from now, and how it stands. Renews no lease. */
  attend(step: AttendStep): Promise<AttendOutcome>

  /** Renews leases and confirms claims. Never shortens. One outcome for each step, in order. */
  renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]>

  /**
   * Ends a lease or a wait, leaves a tombstone, known owner or not, and hands the lock to the next waiters, all in the
   * same step.
   */
  release(step: OwnerRef): Promise<ReleaseOutcome>

  /** How a lock stands, without taking it. */
  inspect(ref: LockRef): Promise<LockState>

  /**
   * Calls `listener` whenever the state of a waiter has changed by something else than its own request: granted,
   * released, removed. Only a hint, which may be lost or repeated; {@link attend} tells the truth. Returns a function
   * that ends it.
   */
  watch(listener: (waiter: OwnerRef) => void): () => void

  /** Stops all timers. Every later step throws {@link StoreUnavailableError}. */
  close(): Promise<void>
}

/** The store could not be reached or is closed: whether the step was carried out is unknown. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}
