export {
  AuthenticationError,
  CouldNotAcquireLockError,
  type ErrorDescription,
  HeartbeatError,
  InvalidArgumentError,
  isLockableError,
  LockableError,
  type LockableErrorCode,
  LockLostError,
  LockTimeoutError,
  NetworkError,
  ProtocolError,
  ServerError,
} from './core/errors.ts'
export type { Dialect, EventBody, EventOf, EventStamp, EventType, Health, LockableEvent } from './core/events.ts'
export type { Ending, Lease } from './core/lease.ts'
export type { Loss, LossCause } from './core/loss.ts'
export type {
  AcquireOptions,
  AuthToken,
  LeaseState,
  LockableOptions,
  LockedFunction,
  LockOptions,
  LockState,
  LockStatus,
  WorkerLike,
  WorkerLikeEvent,
} from './core/types.ts'
export { type DirectOptions, tryAcquire, tryHeartbeat, tryRelease } from './direct.ts'
export { Lock, Lockable } from './lockable.ts'
export type { HolderView, Json, LockMode, Steal } from './protocol/wire.ts'
