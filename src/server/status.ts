import type { StatusReply } from '../protocol/wire.ts'
import { holderViews } from './owned/replies.ts'
import type { LockState } from './store.ts'

/** The reply to `GET /v1/status/{name}`. */
export function statusReply({ mode, fencingToken, holders, waiters }: LockState): StatusReply {
  return {
    v: 2,
    state: mode === null ? 'free' : 'held',
    mode,
    fencing_token: fencingToken,
    holders: holderViews(holders),
    waiters,
  }
}
