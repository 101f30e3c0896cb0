import { hash } from '../hash.ts'
import type { Entry } from './database.ts'

/**
 * One number for all records together, which is another one if any of them is missing, left over or changed. An engine
 * may skip what it finds damaged and go on without a word; a lock would be forgotten.
 */
export class Digest {
  readonly #hashes = new Map<string, number>()
  #total = 0

  constructor(entries: readonly Entry[]) {
    for (const [key, value] of entries) this.set(key, value)
  }

  /** A whole number of 32 bits. */
  get total(): number {
    return this.#total
  }

  /** @param value `null`: there is no such record any more. */
  set(key: string, value: string | null): void {
    const before = this.#hashes.get(key) ?? 0
    const after = value === null ? 0 : hash(`${key}\0${value}`)
    if (value === null) this.#hashes.delete(key)
    else this.#hashes.set(key, after)
    this.#total = (this.#total - before + after) >>> 0
  }
}
