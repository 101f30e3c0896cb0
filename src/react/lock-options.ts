import type { HeartbeatError, Lease, Lockable, LockOptions, Loss } from '../index.ts'
import type { UseLockResult } from './lock-result.ts'

/**
 * The options of `useLock` that the lock itself is made with. They are read at each `acquire()`, so that an `info`
 * written in place costs nothing; where components share a name, those of the first one count.
 */
export interface SharedLockOptions {
  /** `false`: do not queue; become `blocked`, and show who holds. Default `true`. */
  readonly blocking?: boolean | undefined
  /** Shown to others as the holder's: JSON of at most 1 KiB. */
  readonly info?: LockOptions['info'] | undefined
  /** Default `'exclusive'`. Needs an owned server if `'shared'`. */
  readonly mode?: LockOptions['mode'] | undefined
  /** The lease to ask for, in ms. Default: that of the client. */
  readonly leaseDuration?: number | undefined
  /** ms after which the lock is given up though its holder goes on. Default: never. */
  readonly maxHold?: number | undefined
  /** ms after which a main thread that no longer answers its worker loses its heartbeats. Default: never. */
  readonly stallTimeout?: number | undefined
  /** Acquire again after a loss. Default `false`: somebody else may have written meanwhile, and the user must notice. */
  readonly autoReacquire?: boolean | undefined
}

/** What a component is told. The latest function is called, so they need not be stable; each component has its own. */
export interface LockCallbacks {
  /** Called with each lease; at once if the component joins others that hold it. */
  readonly onAcquired?: ((lease: Lease) => void) | undefined
  /** Called once when the lock is really gone, after `lease.signal` aborted. Save a draft here. */
  readonly onLockLoss?: ((loss: Loss) => void) | undefined
  /** Called for each heartbeat that failed. The lease still runs and the heartbeats go on. */
  readonly onHeartbeatException?: ((error: HeartbeatError) => void) | undefined
  /** Called when `status` becomes `failed`. */
  readonly onError?: ((error: Error) => void) | undefined
}

/** Options of `useLock`. */
export interface UseLockOptions extends SharedLockOptions, LockCallbacks {
  /** Want the lock while mounted. Default `true`; a `null` name is the same as `false`. */
  readonly enabled?: boolean | undefined
  /** Throw what `acquire()` rejected with while rendering, to an error boundary. Default `false`. */
  readonly throwOnError?: boolean | ((error: Error) => boolean) | undefined
  /** The client to use instead of that of the `LockProvider`. */
  readonly client?: Lockable | undefined
}

/** What `select` takes: the result, of which it returns what to render. */
export type LockSelector<Selected> = (lock: UseLockResult) => Selected
