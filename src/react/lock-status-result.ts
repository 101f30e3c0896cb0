import { heldUnder, type LockStoreState, statusOf } from '../store/index.ts'
import { type Holder, holdersOf } from './holder.ts'

/** What `useLockStatus` returns. The object is the same as long as nothing in it changes. */
export interface LockStatusResult {
  /** The name that is watched; `null` for none. */
  readonly name: string | null
  /** `unknown` until the server has said, and where it cannot be asked: a classic one, or one that does not answer. */
  readonly status: 'free' | 'held' | 'unknown'
  /** Who holds, the first if they are several; `null` if nobody does or it is not known. */
  readonly holder: Holder | null
  /** All who hold: several only if the lock is shared. */
  readonly holders: readonly Holder[]
  /** How many wait in the queue. */
  readonly waiters: number
  /** Whether this client holds it. */
  readonly isMine: boolean
}

/** What is known of nothing. */
export function unknownStatus(name: string | null): LockStatusResult {
  return { name, status: 'unknown', holder: null, holders: [], waiters: 0, isMine: false }
}

/**
 * What is known of `name`; the holders of `previous` where they are the same.
 *
 * @param isCurrent whether the status in the store is of now: it may be left over from an earlier watch.
 */
export function lockStatusResult(
  state: LockStoreState,
  name: string,
  isCurrent: boolean,
  previous: LockStatusResult,
): LockStatusResult {
  const known = isCurrent ? statusOf(state, name) : undefined
  const isMine = heldUnder(state, name).length > 0
  const holders = holdersOf(known?.holders ?? [], known?.seenAt ?? 0, previous.holders)
  return {
    name,
    // What we hold is held, whatever the server said before or cannot say.
    status: isMine ? 'held' : (known?.state ?? 'unknown'),
    holder: holders[0] ?? null,
    holders,
    waiters: known?.waiters ?? 0,
    isMine,
  }
}
