import { describe, expectTypeOf, it } from 'vitest'
import { useStore } from 'zustand'
import type { Lockable, LockableEvent, LockStatus } from '../../src/index.ts'
import {
  createLockStore,
  fold,
  initialState,
  type LockSnapshot,
  type LockStoreState,
  lockOf,
  lockStore,
  type SharedLockStore,
  statusOf,
} from '../../src/store/index.ts'

declare const client: Lockable
declare const event: LockableEvent

describe('the store', () => {
  it('can be read and followed, with zustand too, but not written', () => {
    const store = createLockStore(client)
    expectTypeOf(store.getState()).toEqualTypeOf<LockStoreState>()
    expectTypeOf(useStore(store, ({ connection }) => connection.online)).toEqualTypeOf<boolean>()
    expectTypeOf(store.destroy).toEqualTypeOf<() => void>()
    expectTypeOf(store).not.toHaveProperty('setState')
  })

  it('that is shared cannot be destroyed by one of its readers', () => {
    expectTypeOf(lockStore(client)).toEqualTypeOf<SharedLockStore>()
    expectTypeOf(lockStore(client)).not.toHaveProperty('destroy')
  })
})

describe('the fold', () => {
  it('is a reducer of events', () => {
    expectTypeOf([event].reduce(fold, initialState)).toEqualTypeOf<LockStoreState>()
  })

  it('makes what cannot be changed', () => {
    // @ts-expect-error read-only
    initialState.locks = {}
    // @ts-expect-error read-only
    initialState.connection.online = false
  })
})

describe('the readers', () => {
  it('know that a lock may be idle and a name unknown', () => {
    expectTypeOf(lockOf(initialState, '1')).toEqualTypeOf<LockSnapshot | undefined>()
    expectTypeOf(statusOf(initialState, 'doc:42')).toExtend<LockStatus | undefined>()
  })
})
