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

/** Who asks, and what bounds that. */
export interface Principal {
  /** Whose the locks are: what may be revoked together, and shares a quota. `null`: nobody in particular. */
  readonly subject: string | null
  /**
   * How long after its grant a holder ends at the latest, in ms; `null`: never, as long as it is renewed. In a session
   * never less than the lease of that.
   */
  readonly maxHoldMs: number | null
  /** How many the subject may have in a namespace at once, in all of its requests; `null`: no bound. */
  readonly quota: {
    /** Holders and waiters together, since a waiter may be granted at any time. */
    readonly locks: number | null
    readonly waiters: number | null
  }
}

export interface AcquireStep extends OwnerRef {
  readonly principal: Principal
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
  /** What was another one then; `session`: it was acquired outside of this session, or in another one. */
  readonly member: 'mode' | 'if_available' | 'name' | 'session'
}

/** A limit of the store is reached. */
export interface Full {
  readonly kind: 'full'
  /** `locksPerToken` and `waitersPerToken`: the quota of who asks. */
  readonly limit: keyof StoreLimits | 'locksPerToken' | 'waitersPerToken'
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

export interface ListStep {
  readonly namespace: string
  /** Only names that begin so. */
  readonly prefix: string
  /** Only names after this one; `null`: from the first on. */
  readonly after: string | null
  /** The most locks that are told, 1 or more. */
  readonly limit: number
}

/** Some of the locks that are held or waited for, by name. */
export interface LockPage {
  readonly locks: readonly (LockState & { readonly name: string })[]
  /** After which name the next page begins; `null`: this was the last one. A page may have fewer than were asked for. */
  readonly next: string | null
}

export interface EndHoldersStep extends LockRef {
  /** `ending`: they are not renewed any more, and end when they would have ended anyway. `now`: at once. */
  readonly how: 'ending' | 'now'
}

export interface RevokeStep {
  readonly subject: string
}

export interface Revoked {
  /** Holders whose end is fixed. */
  readonly holders: number
  /** Waiters that were removed. */
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
  /** Finished owners that are remembered in a namespace, and finished sessions in all; the oldest is forgotten first. */
  readonly tombstones: number
  /** Sessions of a namespace. */
  readonly sessions: number
  /** Owners of a session that hold or wait, or are over without having been released. */
  readonly ownersPerSession: number
}

/** A command of a session; the same as the operation of that name, without a lease of its own. */
export type StoreCommand =
  | {
      readonly op: 'acquire'
      readonly name: string
      readonly owner: string
      readonly mode: LockMode
      readonly ifAvailable: boolean
      readonly steal: Steal | null
      readonly info: Json
    }
  | { readonly op: 'release'; readonly name: string; readonly owner: string }
  | { readonly op: 'query'; readonly prefix: string }
  | { readonly op: 'sync' }

export interface ExecuteStep {
  readonly namespace: string
  readonly session: string
  /** Who acquires with these commands. */
  readonly principal: Principal
  /** Opens the session if it is not known and never was. */
  readonly open: { readonly leaseMs: number; readonly info: Json } | null
  /** Must be larger than every one before of this session. */
  readonly seq: number
  readonly confirm: readonly string[]
  readonly commands: readonly StoreCommand[]
}

export interface RenewSessionStep {
  readonly session: string
  readonly confirm: readonly string[]
}

export interface AttendSessionStep {
  readonly session: string
  /** How much longer a stream of this session is attached, in ms; 0 when it has ended. */
  readonly attachMs: number
}

/** How a session stands at one instant of the step, with the durations left at that instant, rounded down. */
export interface Standing {
  readonly kind: 'standing'
  readonly epoch: number
  readonly leaseMs: number
  readonly expiresInMs: number
  /** Of the owners named in `confirm`, those that hold, be it that they were confirmed before. */
  readonly confirmed: readonly string[]
  readonly claims: readonly {
    readonly owner: string
    readonly name: string
    readonly fencingToken: number
    readonly expiresInMs: number
    /** Whole ms, rounded down, since the owner first arrived. */
    readonly waitedMs: number
  }[]
  /** Holders whose end is fixed. */
  readonly ending: readonly {
    readonly owner: string
    readonly name: string
    readonly reason: EndingReason
    readonly expiresInMs: number
    readonly successor: { readonly info: Json } | null
  }[]
  /** Holders and waiters that are over by something else than their own release, until they are released. */
  readonly ended: readonly { readonly owner: string; readonly name: string; readonly reason: EndReason }[]
  /** Whether the session waits for anything. */
  readonly isWaiting: boolean
}

/** The session is over, or was never known: `unknown`. */
export interface SessionGone {
  readonly kind: 'session-gone'
  readonly reason: EndReason
}

/** `seq` is not larger than every one before; nothing was done. */
export interface SeqSpent {
  readonly kind: 'seq-spent'
  readonly highest: number
}

export interface Snapshot {
  readonly kind: 'snapshot'
  readonly locks: readonly {
    readonly name: string
    readonly holders: readonly HolderState[]
    readonly waiters: number
  }[]
  readonly isTruncated: boolean
}

export interface Synced {
  readonly kind: 'synced'
  readonly holds: readonly { readonly owner: string; readonly name: string; readonly fencingToken: number }[]
  readonly waits: readonly { readonly owner: string; readonly name: string }[]
}

export type CommandOutcome = AcquireOutcome | ReleaseOutcome | Snapshot | Synced

export interface Executed {
  readonly kind: 'executed'
  readonly standing: Standing
  /** One for each command, in order. */
  readonly outcomes: readonly CommandOutcome[]
}

export type ExecuteOutcome = Executed | SessionGone | SeqSpent | Full
export type SessionOutcome = Standing | SessionGone

/** Whom a change is about; `session` is `null` for owners that belong to none. */
export interface Changed extends OwnerRef {
  readonly session: string | null
}

/** What became of a lock, for those who count. There is no secret in it. */
export type LockFact = LockRef &
  (
    | {
        readonly kind: 'granted'
        readonly mode: LockMode
        /** Out of the queue: it must be confirmed. */
        readonly claim: boolean
        /** ms since the owner first asked. */
        readonly waitedMs: number
      }
    | {
        readonly kind: 'ended'
        readonly reason: EndReason
        /** It was never confirmed. */
        readonly claim: boolean
        /** ms since the grant. */
        readonly heldMs: number
      }
  )

/** How much a store has, in all namespaces. */
export interface Census {
  /** Locks that are held or waited for. */
  readonly locks: number
  readonly holders: number
  readonly waiters: number
  readonly sessions: number
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
   *
   * Where `principal` bounds how long it may be held, no lease goes beyond that, be it renewed or that of a session. From
   * when a lease would, the end is fixed there, with the reason `revoked`. After a restart the time counts anew.
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

  /** How the locks of a namespace stand that are held or waited for: a page of them. */
  list(step: ListStep): Promise<LockPage>

  /**
   * Ends every holder of a lock by force, claims too, with the reason `revoked`; who waits stays, and gets it. Returns how
   * many holders there were. A fixed end need not survive a restart of the store, and an end at once may be lost by one
   * that comes at once, unless the lock was handed on.
   */
  endHolders(step: EndHoldersStep): Promise<number>

  /**
   * In all namespaces, with the reason `revoked`: fixes the end of all that a subject holds, be it in sessions, and
   * removes its waiters. It says nothing of what the subject asks for later. A fixed end need not survive a restart of
   * the store.
   */
  revoke(step: RevokeStep): Promise<Revoked>

  /**
   * Carries out the commands of a session in order, confirms claims, and renews the session; see {@link Standing} for
   * what it tells. What is acquired lives as long as the session; a claim ends by itself until it is confirmed. A waiter
   * keeps its place as long as the session lives, but is passed over while the session was not heard of for a ticket.
   */
  execute(step: ExecuteStep): Promise<ExecuteOutcome>

  /** Renews a session and confirms claims: one step, however many locks there are. */
  renewSession(step: RenewSessionStep): Promise<SessionOutcome>

  /** Says that the waiters of a session are alive for `attachMs` and a ticket from now. Renews nothing. */
  attendSession(step: AttendSessionStep): Promise<SessionOutcome>

  /** Ends a session with all that it holds and waits for, and leaves a tombstone, known session or not. */
  endSession(session: string): Promise<ReleaseOutcome>

  /**
   * Calls `listener` whenever the state of a waiter has changed by something else than its own request: granted,
   * released, removed; and whenever a holder of a session ends or its end is fixed. Only a hint, which may be lost or
   * repeated; {@link attend} and {@link attendSession} tell the truth. Returns a function that ends it.
   */
  watch(listener: (changed: Changed) => void): () => void

  /**
   * Calls `listener` within the steps with what becomes of locks. Several servers on one store are each told of all of it.
   * Returns a function that ends it. A store that cannot tell leaves it out.
   */
  observe?(listener: (fact: LockFact) => void): () => void

  /** How much there is, without a step: what has just run out may be counted. `null`, or left out: it cannot tell. */
  census?(): Census | null

  /** How long nothing is granted yet, in ms; 0, and left out, outside of a grace period. */
  readonly graceMs?: number

  /** Stops all timers. Every later step throws {@link StoreUnavailableError}. */
  close(): Promise<void>
}

/** The store could not be reached or is closed: whether the step was carried out is unknown. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}
