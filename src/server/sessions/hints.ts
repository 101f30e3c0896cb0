import type { LockStore } from '../store.ts'

/** Tells who follows a session that something may have happened to it; the store is watched once for all of them. */
export class SessionHints {
  readonly #store: LockStore
  readonly #followers = new Map<string, Set<() => void>>()
  #unwatch: (() => void) | null = null

  constructor(store: LockStore) {
    this.#store = store
  }

  /** Calls `hint` whenever the store names `session`. Returns a function that ends it. */
  follow(session: string, hint: () => void): () => void {
    const followers = this.#followers.get(session) ?? new Set()
    this.#followers.set(session, followers.add(hint))
    this.#unwatch ??= this.#store.watch((changed) => {
      if (changed.session !== null) this.#tell(changed.session)
    })
    return () => this.#unfollow(session, hint)
  }

  #tell(session: string): void {
    for (const hint of this.#followers.get(session) ?? []) hint()
  }

  #unfollow(session: string, hint: () => void): void {
    const followers = this.#followers.get(session)
    followers?.delete(hint)
    if (followers?.size === 0) this.#followers.delete(session)
    if (this.#followers.size > 0) return
    this.#unwatch?.()
    this.#unwatch = null
  }
}
