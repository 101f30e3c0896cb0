/** Something that happened in the page. */
export interface Entry {
  /** Its place in the log, from 0. */
  readonly index: number
  /** Such as `event:lost`, `abort`, `loss`, `fetch:/v1/session/release`, `look:resume`. */
  readonly what: string
  /** The name of the lock, if it is about one. */
  readonly name: string | null
  /** Wall-clock ms, which all processes of this machine share. */
  readonly wall: number
  /** Monotonic ms. */
  readonly at: number
  readonly detail: unknown
}

/** All that happened in the page, in the order in which it happened. */
export class Log {
  readonly entries: Entry[] = []
  readonly #listeners = new Set<(entry: Entry) => void>()

  add(what: string, name: string | null = null, detail: unknown = null): void {
    const entry: Entry = { index: this.entries.length, what, name, wall: Date.now(), at: performance.now(), detail }
    this.entries.push(entry)
    for (const listener of this.#listeners) listener(entry)
  }

  /** The first entry from `from` on that matches, as soon as there is one. */
  until(matches: (entry: Entry) => boolean, from = 0): Promise<Entry> {
    const found = this.entries.slice(from).find(matches)
    if (found) return Promise.resolve(found)
    return new Promise((resolve) => {
      const listener = (entry: Entry) => {
        if (!matches(entry)) return
        this.#listeners.delete(listener)
        resolve(entry)
      }
      this.#listeners.add(listener)
    })
  }
}
