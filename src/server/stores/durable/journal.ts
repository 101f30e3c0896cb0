import { withResolvers } from '../../with-resolvers.ts'
import type { Database, Entry } from './database.ts'
import { Digest } from './digest.ts'
import { DIGEST_KEY, recordsIn } from './records.ts'

/** What is written at once. */
class Batch {
  /** By key; `null` deletes it. */
  readonly values = new Map<string, string | null>()
  /** Somebody waits for it. */
  isUrgent = false
  /** Resolves when it is written, or never will be. */
  readonly done = withResolvers<void>()
}

/**
 * Takes records one by one, and writes them in batches: while one is on its way the next one gathers, so that many
 * writers cost as many writes as one. A batch always ends between two steps.
 */
export class Journal {
  readonly #database: Database
  readonly #digest: Digest
  readonly #onFailure: (error: unknown) => void
  #gathering: Batch | null = null
  #writing: Batch | null = null
  #failure: Error | null = null

  /**
   * @param entries what is in the database.
   * @param onFailure told once when a batch could not be written. After that nothing is written any more.
   */
  constructor(database: Database, entries: readonly Entry[], onFailure: (error: unknown) => void) {
    this.#database = database
    this.#digest = new Digest(recordsIn(entries))
    this.#onFailure = onFailure
  }

  /** Why nothing is written any more; `null` while all is well. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Sets a key. Nobody may hear of it before it is {@link settled}. */
  put(key: string, value: string): void {
    const batch = this.#record(key, value)
    batch.isUrgent = true
  }

  /** Deletes a key, soon: nobody has to wait for that. */
  drop(key: string): void {
    this.#record(key, null)
  }

  /** Resolves when everything that has been put by now is on disk, or never will be; `null`: it is. */
  settled(): Promise<void> | null {
    const last = [this.#gathering, this.#writing].find((batch) => batch?.isUrgent)
    return last?.done.promise ?? null
  }

  /** Writes what is left, and closes the database. Rejects if that cannot be closed. */
  async close(): Promise<void> {
    for (let batch = this.#last; batch !== null; batch = this.#last) await batch.done.promise
    await this.#database.close()
  }

  get #last(): Batch | null {
    return this.#gathering ?? this.#writing
  }

  #record(key: string, value: string | null): Batch {
    const batch = this.#gathering ?? this.#begin()
    batch.values.set(key, value)
    this.#digest.set(key, value)
    return batch
  }

  #begin(): Batch {
    const batch = new Batch()
    // After a failure it is gathered for nothing, and not kept.
    if (this.#failure !== null) return batch
    this.#gathering = batch
    // After the step, and all others of the same turn.
    if (this.#writing === null) queueMicrotask(() => void this.#write(batch))
    return batch
  }

  async #write(batch: Batch): Promise<void> {
    this.#gathering = null
    this.#writing = batch
    // All that was recorded by now is in this batch or in those before.
    batch.values.set(DIGEST_KEY, String(this.#digest.total))
    const operations = [...batch.values].map(([key, value]) => ({ key, value }))
    try {
      await this.#database.commit(operations, batch.isUrgent)
    } catch (error) {
      this.#fail(error)
    }
    this.#writing = null
    const next: Batch | null = this.#failure === null ? this.#gathering : null
    if (next !== null) void this.#write(next)
    batch.done.resolve()
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error))
    const gathered = this.#gathering
    this.#gathering = null
    this.#onFailure(error)
    gathered?.done.resolve()
  }
}
