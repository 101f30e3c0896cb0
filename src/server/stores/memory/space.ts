import type { OwnerRef, StoreLimits } from '../../store.ts'
import { BoundedMap } from './bounded-map.ts'
import type { FencingTokens } from './fencing-tokens.ts'
import { Lock } from './lock.ts'
import { Tombstones } from './tombstones.ts'
import type { WaiterCount } from './wait-queue.ts'

/** What all namespaces of a store share. */
export interface SpaceContext {
  readonly limits: StoreLimits
  readonly tokens: FencingTokens
  /** The monotonic ms before which nothing is granted. */
  readonly graceUntil: number
  /** Told of each waiter that is granted, released or removed. */
  readonly changed: (waiter: OwnerRef) => void
}

/** The locks of one namespace, with what is remembered of those that are gone. */
export class Space {
  readonly namespace: string
  readonly limits: StoreLimits
  readonly tombstones: Tombstones
  readonly waiterCount: WaiterCount = { total: 0 }
  readonly #context: SpaceContext
  readonly #locks = new Map<string, Lock>()
  readonly #lastTokens: BoundedMap<number>

  constructor(namespace: string, context: SpaceContext) {
    this.namespace = namespace
    this.limits = context.limits
    this.tombstones = new Tombstones(context.limits.tombstones)
    this.#context = context
    this.#lastTokens = new BoundedMap(context.limits.locks)
  }

  get lockCount(): number {
    return this.#locks.size
  }

  has(lock: Lock): boolean {
    return this.#locks.get(lock.name) === lock
  }

  /** The lock of that name, up to the present, or a fresh one that is not kept until {@link keep} is called. */
  open(name: string, now: number): Lock {
    const lock = this.#locks.get(name) ?? new Lock(this, name)
    lock.settle(now)
    return lock
  }

  /** Keeps the lock if somebody holds or waits, and forgets it otherwise. */
  keep(lock: Lock): void {
    if (lock.isIdle) this.#locks.delete(lock.name)
    else this.#locks.set(lock.name, lock)
  }

  nextToken(name: string, leaseMs: number): number {
    this.tombstones.keepFor(leaseMs)
    const token = this.#context.tokens.next()
    this.#lastTokens.set(name, token)
    return token
  }

  lastToken(name: string): number | null {
    return this.#lastTokens.get(name) ?? null
  }

  /** How long nothing will be granted yet, in ms; 0 when the grace period is over. */
  graceMs(now: number): number {
    return Math.max(0, this.#context.graceUntil - now)
  }

  changed(name: string, owner: string): void {
    this.#context.changed({ namespace: this.namespace, name, owner })
  }
}
