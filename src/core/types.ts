import type { HolderView, Json, LockMode, Steal } from '../protocol/wire.ts'
import type { HeartbeatError } from './errors.ts'
import type { Dialect } from './events.ts'
import type { Lease } from './lease.ts'
import type { Loss } from './loss.ts'

/**
 * A token, or a function that brings a fresh one: it is asked again when the server refuses the one it gave, and at two
 * thirds of the life of one that says how long it lives, as capabilities do.
 */
export type AuthToken = string | (() => string | null | Promise<string | null>)

/** Options of a client. */
export interface LockableOptions {
  /** Where the lock server is. Default: `LOCKABLE_URL` of the environment, else `https://api.lockable.dev`. */
  readonly url?: string | URL
  /** Default: `LOCKABLE_AUTH_TOKEN` of the environment, else none. A browser has no environment. */
  readonly authToken?: AuthToken
  /** The lease to ask for, in ms. Default: what the server gives (60 s). On a classic server: what it is known to give. */
  readonly leaseDuration?: number
  /** ms between heartbeats. Default: a third of the granted lease, at most 15 s. Never more than half of the lease. */
  readonly heartbeatInterval?: number
  /** ms between polls where the server cannot queue, ±25 %. Default 1000. */
  readonly retryInterval?: number
  /** The `fetch` to use. With one of your own, heartbeats are sent from the page: a function cannot cross to a worker. */
  readonly fetch?: typeof globalThis.fetch
  /** What the server speaks. Default `'auto'`: found out with the first acquire. */
  readonly dialect?: Dialect | 'auto'
  /**
   * Where heartbeats are sent from. `'auto'` (default): a worker, and the page if there is none to be had; `'off'`: the
   * page; a URL (of the file `lockable/worker`) or a function: the worker to start instead of the built-in one.
   */
  readonly worker?: 'auto' | 'off' | string | URL | (() => WorkerLike)
  /**
   * Whether a page that holds anything holds a native Web Lock too (shared, of a unique name), which keeps Chromium from
   * freezing it. Other browsers do without. Default `true`.
   */
  readonly preventFreezing?: boolean
}

/** What an event of a {@link WorkerLike} must have. */
export interface WorkerLikeEvent {
  readonly type: string
  preventDefault(): void
}

/** What a worker of the application must have; a Web Worker does. */
export interface WorkerLike {
  postMessage(message: unknown): void
  addEventListener(type: 'message' | 'messageerror' | 'error', listener: (event: WorkerLikeEvent) => void): void
  terminate(): void
}

/** Options of a lock. */
export interface LockOptions {
  /** `false`: `acquire()` rejects with a `CouldNotAcquireLockError` at once if somebody else holds. Default `true`. */
  readonly blocking?: boolean
  /** Ends the wait of every `acquire()`. */
  readonly signal?: AbortSignal
  /** ms after which every `acquire()` rejects with a `LockTimeoutError`. Default: none. */
  readonly timeout?: number
  /** The lease to ask for, in ms. Default: that of the client. */
  readonly leaseDuration?: number
  /** Default `'exclusive'`. Needs an owned server if `'shared'`. */
  readonly mode?: LockMode
  /** Take the lock over from its holder: `'safe'` at the end of its lease, `'now'` at once. Needs an owned server. */
  readonly steal?: Steal
  /** Shown to others as the holder's: JSON of at most 1 KiB. */
  readonly info?: Json
  /** Called once when the lock is really gone, after `lease.signal` aborted. */
  readonly onLockLoss?: (loss: Loss) => void
  /** Called for each heartbeat that failed. The lease still runs and the heartbeats go on. */
  readonly onHeartbeatException?: (error: HeartbeatError) => void
  /** ms after which the lock is given up though its holder goes on. Default: never. */
  readonly maxHold?: number
  /** ms after which a main thread that no longer answers its worker loses its heartbeats. Default: never. */
  readonly stallTimeout?: number
}

/** Options of one `acquire()`; they go before those of the lock. */
export interface AcquireOptions {
  /** Ends the wait, in addition to the signal of the lock. */
  readonly signal?: AbortSignal
  /** ms after which it rejects with a `LockTimeoutError`. */
  readonly timeout?: number
  readonly blocking?: boolean
  readonly steal?: Steal
}

/** What is done while a lock is held. */
export type LockedFunction<Result> = (lease: Lease) => Result | Promise<Result>

/** What everybody can see of a lock. */
export interface LockStatus {
  readonly name: string
  /** `'unknown'` where the server cannot be asked: it is a classic one, or does not answer. */
  readonly state: 'free' | 'held' | 'unknown'
  readonly holders: readonly HolderView[]
  /** How many wait in the queue. */
  readonly waiters: number
}

/** Where a lock is in its life. */
export type LockState = 'idle' | 'waiting' | 'held' | 'lost'

export type LeaseState = 'held' | 'lost' | 'released'
