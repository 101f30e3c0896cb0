import type { Database, Entry, Operation } from '../../src/server/stores/durable/database.ts'
import { Digest } from '../../src/server/stores/durable/digest.ts'
import { DIGEST_KEY, HOLD, recordsIn, SESSION } from '../../src/server/stores/durable/records.ts'

/** Calls `done` when a write has reached the disk, or never. */
export type Carry = (done: () => void) => void

/** A disk that outlives the stores which write on it, and forgets in a crash no more than a real one may. */
export class VirtualDisk {
  /** Set: every write fails. */
  failure: Error | null = null
  /** That a lock was released is written as late as may be: with the next one that is granted, or session that ends. */
  deletesLate = false
  /** How many writes were to be lasting. */
  lastingWrites = 0
  readonly #lasting = new Map<string, string>()
  /** What was written since, or is being written, in order. */
  #unsure: (readonly Operation[])[] = []
  #late: Operation[] = []

  /** The database for one process. */
  open(carry: Carry = (done) => queueMicrotask(done)): Database {
    return {
      commit: (operations, isLasting) => {
        if (isLasting) this.lastingWrites += 1
        const { length } = this.#unsure
        if (this.failure === null) this.#unsure.push(this.#delayDeletes(operations))
        return new Promise((resolve, reject) => {
          carry(() => {
            if (this.failure !== null) return reject(this.failure)
            if (isLasting) this.#keep(length + 1)
            resolve()
          })
        })
      },
      close: async () => undefined,
    }
  }

  /** What a process would find. */
  entries(): Entry[] {
    const found = new Map(this.#lasting)
    for (const operations of this.#unsure) apply(found, operations)
    // It is of what a store wrote at once, and this has not written all of that yet.
    if (this.deletesLate && found.size > 0) found.set(DIGEST_KEY, String(new Digest(recordsIn([...found])).total))
    return [...found]
  }

  /** What is on disk for certain. */
  lasting(key: string): string | null {
    return this.#lasting.get(key) ?? null
  }

  /** How many writes a crash may take away, from the end on. */
  get unsure(): number {
    return this.#unsure.length
  }

  /** The machine goes down: of what was not sure to last, `kept` writes did. */
  crash(kept: number = 0): void {
    this.#keep(kept)
    this.#unsure = []
    this.#late = []
  }

  #delayDeletes(operations: readonly Operation[]): readonly Operation[] {
    if (!this.deletesLate) return operations
    const cannotWait = operations.some(({ key, value }) => key.startsWith(value === null ? SESSION : HOLD))
    if (cannotWait) return [...this.#late.splice(0), ...operations]
    this.#late.push(...operations.filter(({ value }) => value === null))
    return operations.filter(({ value }) => value !== null)
  }

  #keep(count: number): void {
    for (const operations of this.#unsure.splice(0, count)) apply(this.#lasting, operations)
  }
}

function apply(records: Map<string, string>, operations: readonly Operation[]): void {
  for (const { key, value } of operations) {
    if (value === null) records.delete(key)
    else records.set(key, value)
  }
}
