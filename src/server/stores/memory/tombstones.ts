import type { EndReason } from '../../../protocol/wire.ts'
import { TOMBSTONE_MS } from '../../timing.ts'
import { BoundedMap } from './bounded-map.ts'
import type { TombstonesImage } from './image.ts'

interface Tombstone {
  readonly reason: EndReason
  readonly until: number
}

/**
 * The owners that are finished, and why. Without them a delayed or repeated acquire of a finished owner would take the
 * lock for nobody.
 */
export class Tombstones {
  readonly #stones: BoundedMap<Tombstone>
  #keepMs = TOMBSTONE_MS

  constructor(most: number) {
    this.#stones = new BoundedMap(most)
  }

  /** From now on owners are remembered at least as long as this lease. */
  keepFor(leaseMs: number): void {
    this.#keepMs = Math.max(this.#keepMs, leaseMs)
  }

  /** Remembers that `owner` is finished. The first reason stays. */
  add(name: string, owner: string, reason: EndReason, now: number): void {
    // What is kept never gets shorter, so the oldest entry is also the first to lapse.
    this.#stones.deleteOldestWhile((stone) => stone.until <= now)
    if (this.find(name, owner, now) === null) this.#stones.set(key(name, owner), { reason, until: now + this.#keepMs })
  }

  get size(): number {
    return this.#stones.size
  }

  image(): TombstonesImage {
    return { keepMs: this.#keepMs, stones: [...this.#stones] }
  }

  load({ keepMs, stones }: TombstonesImage): void {
    this.#keepMs = keepMs
    for (const [key, stone] of stones) this.#stones.set(key, stone)
  }

  /** Why `owner` is finished, or `null` if it is not, as far as is remembered. */
  find(name: string, owner: string, now: number): EndReason | null {
    const stone = this.#stones.get(key(name, owner))
    return stone !== undefined && stone.until > now ? stone.reason : null
  }
}

// Neither names nor owners contain control characters.
function key(name: string, owner: string): string {
  return `${name}\0${owner}`
}
