export type { Right } from './auth/access.ts'
export type { Caller } from './auth/authenticate.ts'
export {
  type CapabilityRight,
  type CapabilityTerms,
  createCapabilityKey,
  mintCapability,
} from './auth/capability.ts'
export type { CapabilityKey } from './auth/capability-keys.ts'
export type { TokenSource } from './auth/kept-tokens.ts'
export type { Rates } from './auth/limits.ts'
export type { Rate } from './auth/rate-limiter.ts'
export type { TokenRecord } from './auth/token-record.ts'
export type { TokenEntry } from './auth/tokens.ts'
export type { ServerClock } from './clock.ts'
export { createHandler, type LockHandler } from './handler.ts'
export type {
  AcquireResult,
  HeartbeatResult,
  Observer,
  ReleaseResult,
  RequestFact,
  ServerFact,
  StepFact,
  StoreOperation,
} from './observe/facts.ts'
export type { Failure } from './observe/failures.ts'
export type { HandlerOptions, LeaseOptions, MetricsPage } from './options.ts'
export {
  type AcquireOutcome,
  type AcquireStep,
  type AttendOutcome,
  type AttendSessionStep,
  type AttendStep,
  type Census,
  type Changed,
  type CommandOutcome,
  type ExecuteOutcome,
  type ExecuteStep,
  type LockFact,
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
