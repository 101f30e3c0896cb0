import type { Json, LockMode } from '../../../protocol/wire.ts'
import type { Session } from './session.ts'
import type { Tally } from './tally.ts'

export interface Waiter {
  readonly owner: string
  /** Who asked. */
  readonly subject: string | null
  readonly mode: LockMode
  readonly info: Json
  leaseMs: number
  /** As of a holder, once it is one. */
  readonly maxHoldMs: number | null
  /** Safe steals wait among themselves, ahead of all others. */
  readonly steal: boolean
  /** When it first asked. */
  readonly arrivedAt: number
  /** Whose place it is; `null`: its own, which it loses when it is no longer alive. */
  readonly session: Session | null
  /** Until when it counts as alive: the end of its poll and its ticket. `Infinity` with a session, which knows. */
  liveUntil: number
}

/** Until when a waiter counts as alive. */
function lifeOf({ liveUntil, session }: Waiter): number {
  return session === null ? liveUntil : session.liveUntil
}

/**
 * Who waits for one lock: safe steals first, and first come, first served among each. Those whose session is not live
 * keep their places and are passed over.
 */
export class WaitQueue {
  readonly #waiters: Waiter[] = []
  readonly #tally: Tally

  /** @param tally of those who wait in all queues of the namespace. */
  constructor(tally: Tally) {
    this.#tally = tally
  }

  get size(): number {
    return this.#waiters.length
  }

  /** From the first to the last, alive or not. */
  [Symbol.iterator](): Iterator<Waiter> {
    return this.#waiters.values()
  }

  /** Who is next: the first that is alive. */
  head(now: number): Waiter | null {
    return this.#waiters.find((waiter) => lifeOf(waiter) > now) ?? null
  }

  find(owner: string): Waiter | null {
    return this.#waiters.find((waiter) => waiter.owner === owner) ?? null
  }

  /** 1 for the first, alive or not. */
  position(waiter: Waiter): number {
    return this.#waiters.indexOf(waiter) + 1
  }

  /** Whether a newcomer would find nobody ahead of it that is alive. */
  isClearFor(newcomer: { readonly steal: boolean }, now: number): boolean {
    const head = this.head(now)
    return head === null || (newcomer.steal && !head.steal)
  }

  add(waiter: Waiter): void {
    const behind = waiter.steal ? this.#waiters.findIndex((other) => !other.steal) : -1
    this.#waiters.splice(behind === -1 ? this.#waiters.length : behind, 0, waiter)
    this.#tally.add(waiter.subject)
  }

  remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index === -1) return
    this.#waiters.splice(index, 1)
    this.#tally.remove(waiter.subject)
  }

  /** Removes those whose ticket has run out, and returns them. */
  removeDead(now: number): Waiter[] {
    const dead = this.#waiters.filter((waiter) => waiter.liveUntil <= now)
    for (const waiter of dead) this.remove(waiter)
    return dead
  }

  /** When the first of those that have a session and are alive will be passed over; `Infinity` if there is none. */
  nextLull(now: number): number {
    const lives = this.#waiters.filter(({ session }) => session?.isLive(now) ?? false).map(lifeOf)
    return lives.reduce((earliest, life) => Math.min(earliest, life), Number.POSITIVE_INFINITY)
  }

  /** When the first of the tickets runs out; `Infinity` if nobody waits. */
  nextDeath(): number {
    return this.#waiters.reduce((earliest, waiter) => Math.min(earliest, waiter.liveUntil), Number.POSITIVE_INFINITY)
  }
}
