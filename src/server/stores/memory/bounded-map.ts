/** A map that forgets its oldest entries when it grows beyond `most`. Setting a key again makes it the newest. */
export class BoundedMap<Value> {
  readonly #entries = new Map<string, Value>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** From the oldest to the newest. */
  [Symbol.iterator](): Iterator<[string, Value]> {
    return this.#entries[Symbol.iterator]()
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.deleteOldestWhile(() => this.#entries.size > this.#most)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** Forgets entries from the oldest on, as long as `condition` is true of them. */
  deleteOldestWhile(condition: (value: Value) => boolean): void {
    for (const [key, value] of this.#entries) {
      if (!condition(value)) return
      this.#entries.delete(key)
    }
  }
}
