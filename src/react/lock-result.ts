import type { Lease } from '../index.ts'
import type { LockView } from './lock-view.ts'

/** What a component can do to its lock. The functions stay the same for the life of the component. */
export interface LockActions {
  /**
   * Takes the lock, or joins the wait for it; resolves to the lease at once if it is held. Also after `lost`, `failed`,
   * `release()` and with `enabled: false`: then the lock is kept until `release()` or until the component unmounts.
   *
   * Rejects as `Lock.acquire()` does, and with an `AbortError` when the lock is let go meanwhile. The rejection need
   * not be handled: `status` and `onError` tell it too.
   */
  readonly acquire: () => Promise<Lease>
  /**
   * Lets go of the lock for all components that share it, or ends the wait; then `status` is `idle` until `acquire()`
   * or the next mount. Resolves to `true` if the server acknowledged the end of a lease.
   */
  readonly release: () => Promise<boolean>
  /**
   * Takes the lock over from its holder at the end of the lease that this one has (`steal: 'safe'`); a wait in the
   * queue is given up for it. Needs an owned server. Rejects as `acquire` does.
   */
  readonly takeOver: () => Promise<Lease>
}

/** What `useLock` returns: narrow it by `status`. The object is the same as long as nothing in it changes. */
export type UseLockResult = Readonly<LockView> &
  LockActions & {
    /** The name of the lock; `null` for none. */
    readonly name: string | null
  }
