export { fold, initialState } from './fold.ts'
export { createLockStore, type LockStore, lockStore, type SharedLockStore } from './lock-store.ts'
export { heldUnder, lockOf, statusOf } from './select.ts'
export type * from './state.ts'
