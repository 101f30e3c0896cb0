import type { LockStatus, StatusReply } from '../protocol/wire.ts'
import { holderViews } from './owned/replies.ts'
import type { LockState } from './store.ts'

/** The reply to `GET /v1/status/{name}`. */
export function statusReply(state: LockState): StatusReply {
  return { v: 2, ...lockStatus(state) }
}

/** How a lock stands, for whoever may look. */
export function lockStatus({ mode, fencingToken, holders, waiters }: LockState): LockStatus {
  return {
    state: mode === null ? 'free' : 'held',
    mode,
    fencing_token: fencingToken,
    holders: holderViews(holders),
    waiters,
  }
}
