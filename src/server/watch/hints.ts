import type { Changed, LockStore } from '../store.ts'

/** Tells who follows something that it may have changed; the store is watched once for all of them. */
export class Hints {
  readonly #store: LockStore
  readonly #keyOf: (changed: Changed) => string | null
  readonly #followers = new Map<string, Set<() => void>>()
  #unwatch: (() => void) | null = null

  /** @param keyOf what a change is about; `null`: nothing that anybody follows. */
  constructor(store: LockStore, keyOf: (changed: Changed) => string | null) {
    this.#store = store
    this.#keyOf = keyOf
  }

  /** Calls `hint` whenever the store names `key`. Returns a function that ends it. */
  follow(key: string, hint: () => void): () => void {
    const followers = this.#followers.get(key) ?? new Set()
    this.#followers.set(key, followers.add(hint))
    this.#unwatch ??= this.#store.watch((changed) => {
      const changedKey = this.#keyOf(changed)
      if (changedKey !== null) this.#tell(changedKey)
    })
    return () => this.#unfollow(key, hint)
  }

  #tell(key: string): void {
    for (const hint of this.#followers.get(key) ?? []) hint()
  }

  #unfollow(key: string, hint: () => void): void {
    const followers = this.#followers.get(key)
    followers?.delete(hint)
    if (followers?.size === 0) this.#followers.delete(key)
    if (this.#followers.size > 0) return
    this.#unwatch?.()
    this.#unwatch = null
  }
}
