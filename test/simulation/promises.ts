import type { Machine } from './machine.ts'

/** The promises that the application was given, and whether they settled. */
export class Promises {
  readonly #pending = new Map<Promise<unknown>, { readonly machine: Machine; readonly what: string }>()

  /** Remembers `promise` until it settles. */
  expect<Value>(machine: Machine, what: string, promise: Promise<Value>): Promise<Value> {
    this.#pending.set(promise, { machine, what: `${what} of ${machine.label}` })
    const settled = () => this.#pending.delete(promise)
    promise.then(settled, settled)
    return promise
  }

  /** A process that died settles nothing any more. */
  forget(machine: Machine): void {
    for (const [promise, pending] of this.#pending) if (pending.machine === machine) this.#pending.delete(promise)
  }

  /** What has not settled. */
  pending(): string[] {
    return [...this.#pending.values()].map(({ what }) => what)
  }
}
