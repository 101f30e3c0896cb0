import type { Operation } from '../protocol/wire.ts'
import type { Access } from './auth/access.ts'
import type { LockRef } from './store.ts'

/** A request of the classic dialect. Resolves to its `response`. */
export type ClassicOperation = (lock: LockRef, access: Access) => Promise<boolean>

/** A request of the owned dialect, with its parsed body. `signal` aborts when the client has gone. */
export type OwnedOperation = (lock: LockRef, body: unknown, access: Access, signal: AbortSignal) => Promise<object>

export type Classic = Readonly<Record<Operation, ClassicOperation>>
export type Owned = Readonly<Record<Operation, OwnedOperation>>
