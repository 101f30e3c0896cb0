import type { EndReason, LockMode } from '../../protocol/wire.ts'
import type { AcquireOutcome, LockFact, LockStore } from '../store.ts'

/** A step of a store. */
export type StoreOperation = Exclude<keyof LockStore, 'traits' | 'graceMs' | 'observe' | 'census' | 'watch' | 'close'>

/** What the store makes of an acquire. */
export type AcquireResult = AcquireOutcome['kind']

/** `ending`: it holds, but the end is fixed and did not move. */
export type HeartbeatResult = 'renewed' | 'ending' | EndReason

export type ReleaseResult = 'released' | EndReason

/** A request was answered; of a stream, it has begun. */
export interface RequestFact {
  readonly kind: 'request'
  /** The pattern of the path, such as `/v1/acquire/*`; `other` for one that does not exist. */
  readonly route: string
  /** The method; `other` for one that nothing here answers. */
  readonly method: string
  readonly status: number
  readonly ms: number
  /** What the route leaves open: the lock's name as it was sent; `null` if there is nothing. */
  readonly rest: string | null
}

/** A step of the store is over; `error` is why it failed, `null` if it did not. */
export interface StepFact {
  readonly kind: 'store-step'
  readonly operation: StoreOperation
  readonly ms: number
  readonly error: unknown
}

/** Something that the server did, for those who count or log. No token, owner, session and `info` is in it. */
export type ServerFact =
  | RequestFact
  | StepFact
  | LockFact
  /** An acquire or a poll, in whatever dialect, was answered by the store; a grant out of the queue is a `granted`. */
  | { readonly kind: 'acquire'; readonly result: AcquireResult; readonly mode: LockMode }
  /** Of a lock (`sessions: false`), or of a session with all that it holds. */
  | { readonly kind: 'heartbeat'; readonly result: HeartbeatResult; readonly isSession: boolean }
  | { readonly kind: 'release'; readonly result: ReleaseResult; readonly isSession: boolean }
  /** Somebody who waited was told of the grant, so long after the store had told this server. */
  | { readonly kind: 'hand-off'; readonly ms: number }
  /** So many requests are parked now. */
  | { readonly kind: 'parked'; readonly count: number }
  /** So many streams are open now. */
  | { readonly kind: 'streams'; readonly count: number }

/** Takes facts as they happen. It must not throw, and should be quick: requests wait for it. */
export type Observer = (fact: ServerFact) => void
