export type { TokenEntry } from './auth/tokens.ts'
export type { ServerClock } from './clock.ts'
export { createHandler, type LockHandler } from './handler.ts'
export type { HandlerOptions, LeaseOptions } from './options.ts'
export {
  type AcquireOutcome,
  type AcquireStep,
  type AttendOutcome,
  type AttendSessionStep,
  type AttendStep,
  type Changed,
  type CommandOutcome,
  type ExecuteOutcome,
  type ExecuteStep,
  type LockRef,
  type LockState,
  type LockStore,
  type OwnerRef,
  type ReleaseOutcome,
  type RenewOutcome,
  type RenewSessionStep,
  type RenewStep,
  type SessionOutcome,
  type Standing,
  type StoreCommand,
  type StoreLimits,
  type StoreTraits,
  StoreUnavailableError,
} from './store.ts'
export type { Mark, MarkState } from './stores/memory/mark.ts'
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './stores/memory.ts'
