export type { TokenEntry } from './auth/tokens.ts'
export type { ServerClock } from './clock.ts'
export { createHandler, type LockHandler } from './handler.ts'
export type { HandlerOptions, LeaseOptions } from './options.ts'
export {
  type AcquireOutcome,
  type AcquireStep,
  type AttendOutcome,
  type AttendStep,
  type LockRef,
  type LockState,
  type LockStore,
  type OwnerRef,
  type ReleaseOutcome,
  type RenewOutcome,
  type RenewStep,
  type StoreLimits,
  type StoreTraits,
  StoreUnavailableError,
} from './store.ts'
export { createMemoryStore, type MemoryStoreOptions } from './stores/memory.ts'
