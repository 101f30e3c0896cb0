import { createStore, type StoreApi } from 'zustand/vanilla'
import type { Lockable } from '../index.ts'
import { fold, initialState } from './fold.ts'
import type { LockStoreState } from './state.ts'

/**
 * A zustand vanilla store that only the events of its client change. `useStore` of zustand takes it as it is.
 * `getInitialState()` is always empty, so that a page rendered on a server hydrates without a difference.
 */
export type LockStore = Pick<StoreApi<LockStoreState>, 'getState' | 'getInitialState' | 'subscribe'> & {
  /** Stops following the client; what the store holds then stays. */
  readonly destroy: () => void
}

/** The store that all readers of one client share; it lives as long as the client. */
export type SharedLockStore = Omit<LockStore, 'destroy'>

/** A store of what goes on in `client`, from its history on, until it is destroyed. */
export function createLockStore(client: Lockable): LockStore {
  const { setState, getState, getInitialState, subscribe } = createStore<LockStoreState>(() => initialState)
  setState(client.history().reduce(fold, initialState), true)
  const destroy = client.subscribe((event) => setState((state) => fold(state, event), true))
  return { getState, getInitialState, subscribe, destroy }
}

const shared = new WeakMap<Lockable, SharedLockStore>()

/** The one store of `client`: made on first use, shared by the hooks and the devtools. */
export function lockStore(client: Lockable): SharedLockStore {
  const known = shared.get(client)
  if (known !== undefined) return known
  const { getState, getInitialState, subscribe } = createLockStore(client)
  const store = { getState, getInitialState, subscribe }
  shared.set(client, store)
  return store
}
