import type { Changed, LockStore } from '../../src/server/store.ts'
import { type MemoryStore, type MemoryStoreOptions, StoreInMemory } from '../../src/server/stores/memory.ts'

/** What changes a store, or tells of it. */
const STEPS = [
  'acquire',
  'attend',
  'renew',
  'release',
  'inspect',
  'list',
  'endHolders',
  'revoke',
  'execute',
  'renewSession',
  'attendSession',
  'endSession',
] as const satisfies readonly (keyof LockStore)[]

/** For each so many characters of an image the next one comes a step later. */
const SPARING = 500

/** A store in memory that becomes another one before each step: one that knows only what the image of the last has told. */
export function createImagedStore(options: MemoryStoreOptions): MemoryStore {
  const listeners = new Set<(changed: Changed) => void>()
  /** Steps to be left out, since images of much take long. */
  let spared = 0
  let store = begin(new StoreInMemory(options))

  function begin(next: StoreInMemory): StoreInMemory {
    next.watch((changed) => {
      if (next !== store) return
      for (const listener of listeners) listener(changed)
    })
    return next
  }

  function renewed(): StoreInMemory {
    if (spared > 0) {
      spared -= 1
      return store
    }
    const before = store
    const text = JSON.stringify(before.image())
    const image = JSON.parse(text)
    spared = Math.floor(text.length / SPARING)
    store = begin(new StoreInMemory({ ...options, tokenFloor: 0, grace: 0 }, { image }))
    void before.close()
    return store
  }

  const steps = Object.fromEntries(
    STEPS.map((step) => [step, (asked: never) => (store.isClosed ? store : renewed())[step](asked)]),
  ) as Pick<LockStore, (typeof STEPS)[number]>
  return {
    ...steps,
    traits: store.traits,
    get lastToken() {
      return store.lastToken
    },
    get graceMs() {
      return store.graceMs
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => store.close(),
  }
}
