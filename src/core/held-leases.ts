import type { Lease } from './lease.ts'

/** The leases of one client that are held. */
export class HeldLeases implements Iterable<Lease> {
  readonly #leases = new Set<Lease>()
  readonly #changed: (isAny: boolean) => void
  #granted = 0

  /** @param changed told when the first is held, and when none is held any more. */
  constructor(changed: (isAny: boolean) => void) {
    this.#changed = changed
  }

  get size(): number {
    return this.#leases.size
  }

  /** How many there have ever been. */
  get granted(): number {
    return this.#granted
  }

  /** A copy, so that leases may end meanwhile. */
  [Symbol.iterator](): Iterator<Lease> {
    return [...this.#leases].values()
  }

  add(lease: Lease): void {
    this.#granted += 1
    this.#leases.add(lease)
    if (this.#leases.size === 1) this.#changed(true)
  }

  remove(lease: Lease): void {
    if (this.#leases.delete(lease) && this.#leases.size === 0) this.#changed(false)
  }
}
