import type { LockSnapshot, LockStoreState, StatusSnapshot } from './state.ts'

/** The lock with this id, or `undefined` if it is idle. */
export function lockOf({ locks }: LockStoreState, id: string): LockSnapshot | undefined {
  return Object.hasOwn(locks, id) ? locks[id] : undefined
}

/** What is known of a watched name. A lock may be called `constructor`, so only own members count. */
export function statusOf({ statuses }: LockStoreState, name: string): StatusSnapshot | undefined {
  return Object.hasOwn(statuses, name) ? statuses[name] : undefined
}

/** The locks of this name that the client holds: several only if they are shared. */
export function heldUnder({ locks }: LockStoreState, name: string): readonly LockSnapshot[] {
  return Object.values(locks).filter((lock) => lock.phase === 'held' && lock.name === name)
}
