import type { LockableEvent } from './events.ts'

/** What made a lock be lost. */
export type LossCause =
  | 'frozen'
  | 'slept'
  | 'offline'
  | 'server-error'
  | 'too-slow'
  | 'taken-over'
  | 'revoked'
  | 'unauthorised'
  | 'misconfigured'
  | 'worker-died'
  | 'injected'
  | 'unknown'

/** Why a lock was lost: the same in `onLockLoss`, in `LockLostError` and in the devtools. */
export interface Loss {
  readonly cause: LossCause
  /** What happened, in one plain sentence. */
  readonly sentence: string
  /** What to do about it. */
  readonly advice: string
  /** The events that speak for it, oldest first. */
  readonly evidence: readonly LockableEvent[]
}
