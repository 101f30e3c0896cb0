import type { StepCall } from './entry.ts'

/** The most bytes of steps in a record, unless one alone has more: etcd takes no more than 1.5 MiB at once. */
const MOST_BYTES = 500_000

interface Asked {
  readonly resolve: (outcome: Promise<unknown>) => void
  readonly reject: (error: Error) => void
}

interface Reader {
  readonly read: () => void
  readonly reject: (error: Error) => void
}

/** Steps and readers that are seen to by one request to the log. */
export class Batch {
  readonly calls: StepCall[] = []
  readonly #asked: Asked[] = []
  readonly #readers: Reader[] = []
  /** The monotonic ms at which the first one asked. */
  readonly since: number
  #bytes = 0

  constructor(since: number) {
    this.since = since
  }

  /** Whether `call` fits in. */
  hasRoomFor(call: StepCall): boolean {
    return this.#bytes === 0 || this.#bytes + sizeOf(call) <= MOST_BYTES
  }

  /** Resolves with what becomes of `call`, which tells its type. */
  ask<Outcome>(call: StepCall): Promise<Outcome> {
    this.calls.push(call)
    this.#bytes += sizeOf(call)
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve: (outcome) => resolve(outcome as Promise<Outcome>), reject })
    })
  }

  /** Resolves with what `look` sees when all is known that was there when this was called. */
  read<Outcome>(look: () => Promise<Outcome>): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#readers.push({ read: () => resolve(look()), reject })
    })
  }

  /** @param outcomes of the calls, in order. */
  carriedOut(outcomes: readonly Promise<unknown>[]): void {
    for (const [index, { resolve }] of this.#asked.entries()) {
      const outcome = outcomes[index]
      if (outcome !== undefined) resolve(outcome)
    }
    for (const { read } of this.#readers) read()
  }

  fail(error: Error): void {
    for (const { reject } of [...this.#asked, ...this.#readers]) reject(error)
  }
}

function sizeOf(call: StepCall): number {
  return new TextEncoder().encode(JSON.stringify(call)).length
}
