import type { LockStore } from '../../src/server/store.ts'

/** A store as a plain object, so that single steps can be replaced. */
export function forwarded(store: LockStore): LockStore {
  return {
    traits: store.traits,
    acquire: (step) => store.acquire(step),
    attend: (step) => store.attend(step),
    renew: (steps) => store.renew(steps),
    release: (step) => store.release(step),
    inspect: (ref) => store.inspect(ref),
    list: (step) => store.list(step),
    endHolders: (step) => store.endHolders(step),
    revoke: (step) => store.revoke(step),
    execute: (step) => store.execute(step),
    renewSession: (step) => store.renewSession(step),
    attendSession: (step) => store.attendSession(step),
    endSession: (session) => store.endSession(session),
    watch: (listener) => store.watch(listener),
    close: () => store.close(),
  }
}
