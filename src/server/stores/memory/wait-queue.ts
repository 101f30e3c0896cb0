import type { Json, LockMode } from '../../../protocol/wire.ts'

export interface Waiter {
  readonly owner: string
  readonly mode: LockMode
  readonly info: Json
  leaseMs: number
  /** Safe steals wait among themselves, ahead of all others. */
  readonly steal: boolean
  /** Until when it counts as alive: the end of its poll and its ticket. */
  liveUntil: number
}

/** How many wait in all queues of a namespace. */
export interface WaiterCount {
  total: number
}

/** Who waits for one lock: safe steals first, and first come, first served among each. */
export class WaitQueue {
  readonly #waiters: Waiter[] = []
  readonly #count: WaiterCount

  constructor(count: WaiterCount) {
    this.#count = count
  }

  get size(): number {
    return this.#waiters.length
  }

  get head(): Waiter | null {
    return this.#waiters[0] ?? null
  }

  find(owner: string): Waiter | null {
    return this.#waiters.find((waiter) => waiter.owner === owner) ?? null
  }

  /** 1 for the head. */
  position(waiter: Waiter): number {
    return this.#waiters.indexOf(waiter) + 1
  }

  /** Whether a newcomer would find nobody ahead of it. */
  isClearFor(newcomer: { readonly steal: boolean }): boolean {
    return this.head === null || (newcomer.steal && !this.head.steal)
  }

  add(waiter: Waiter): void {
    const behind = waiter.steal ? this.#waiters.findIndex((other) => !other.steal) : -1
    this.#waiters.splice(behind === -1 ? this.#waiters.length : behind, 0, waiter)
    this.#count.total += 1
  }

  remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index === -1) return
    this.#waiters.splice(index, 1)
    this.#count.total -= 1
  }

  /** Removes those whose ticket has run out, and returns them. */
  removeDead(now: number): Waiter[] {
    const dead = this.#waiters.filter((waiter) => waiter.liveUntil <= now)
    for (const waiter of dead) this.remove(waiter)
    return dead
  }

  /** When the first of the tickets runs out; `Infinity` if nobody waits. */
  nextDeath(): number {
    return this.#waiters.reduce((earliest, waiter) => Math.min(earliest, waiter.liveUntil), Number.POSITIVE_INFINITY)
  }
}
