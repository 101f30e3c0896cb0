import type { EndReason, Json } from '../../../protocol/wire.ts'
import type { Standing } from '../../store.ts'
import { type Holder, remaining, sinceArrival } from './holder.ts'
import type { Lock } from './lock.ts'
import type { Space } from './space.ts'
import type { Waiter } from './wait-queue.ts'

/** A lock that a session holds. */
interface Hold {
  readonly lock: Lock
  readonly holder: Holder
}

/** A place in a queue that a session has. */
interface Place {
  readonly lock: Lock
  readonly waiter: Waiter
}

export interface SessionOptions {
  readonly id: string
  readonly space: Space
  /** Differs from that of every session before. */
  readonly epoch: number
  readonly leaseMs: number
  /** Of those holders that say nothing of their own. */
  readonly info: Json
}

/**
 * One client's connection: what it holds and waits for, all with one lease.
 *
 * Locks tell it what becomes of its owners. What every reply tells is kept apart, so that a renewal costs the same
 * however many locks there are.
 */
export class Session {
  readonly id: string
  readonly space: Space
  readonly epoch: number
  readonly leaseMs: number
  readonly info: Json
  /** The highest of all attempts. */
  seq = -1
  /** The monotonic ms at which it lapses. */
  expiresAt: number = Number.NEGATIVE_INFINITY
  /** Until when its waiters count as alive. */
  liveUntil: number = Number.NEGATIVE_INFINITY
  readonly #holds = new Map<string, Hold>()
  readonly #places = new Map<string, Place>()
  /** Those of the holders that are not confirmed yet. */
  readonly #claims = new Map<string, Hold>()
  /** Those of the holders whose end is fixed. */
  readonly #endings = new Map<string, Hold>()
  /** Those that are over without having been released. */
  readonly #ended = new Map<string, { readonly name: string; readonly reason: EndReason }>()

  constructor({ id, space, epoch, leaseMs, info }: SessionOptions) {
    this.id = id
    this.space = space
    this.epoch = epoch
    this.leaseMs = leaseMs
    this.info = info
  }

  /** How many owners it has. */
  get size(): number {
    return this.#holds.size + this.#places.size + this.#ended.size
  }

  isLive(now: number): boolean {
    return this.liveUntil > now
  }

  /** The lock that `owner` was used for and is not released from, or `null`. */
  nameOf(owner: string): string | null {
    const place = this.#holds.get(owner) ?? this.#places.get(owner)
    return place?.lock.name ?? this.#ended.get(owner)?.name ?? null
  }

  /** The locks that it waits for. */
  awaited(): Set<Lock> {
    return new Set([...this.#places.values()].map(({ lock }) => lock))
  }

  /** The locks of claims and fixed ends whose time has come. */
  overdue(now: number): Set<Lock> {
    const fixed = [...this.#claims.values(), ...this.#endings.values()]
    return new Set(fixed.filter(({ holder }) => holder.ownEnd <= now).map(({ lock }) => lock))
  }

  /** Confirms a claim. A fixed end stays where it is. */
  confirm(owner: string): void {
    const claim = this.#claims.get(owner)
    if (claim === undefined) return
    this.#claims.delete(owner)
    claim.holder.claim = false
    if (claim.holder.ending === null) claim.holder.ownEnd = Number.POSITIVE_INFINITY
  }

  queued(lock: Lock, waiter: Waiter): void {
    this.#places.set(waiter.owner, { lock, waiter })
  }

  unqueued(waiter: Waiter): void {
    this.#places.delete(waiter.owner)
  }

  granted(owner: string, lock: Lock, holder: Holder): void {
    const hold = { lock, holder }
    this.#holds.set(owner, hold)
    if (holder.claim) this.#claims.set(owner, hold)
  }

  endFixed(owner: string): void {
    const hold = this.#holds.get(owner)
    if (hold !== undefined) this.#endings.set(owner, hold)
  }

  /** `owner` holds no longer. Unless it was released, that is told until it is. */
  ended(owner: string, name: string, reason: EndReason): void {
    this.#holds.delete(owner)
    this.#claims.delete(owner)
    this.#endings.delete(owner)
    if (reason === 'released') return
    this.#ended.set(owner, { name, reason })
    this.space.unreleased.add(name, owner, this)
  }

  /** Why `owner` is over, if that is still told. */
  endOf(owner: string): EndReason | null {
    return this.#ended.get(owner)?.reason ?? null
  }

  /** The end of `owner` need not be told any more. */
  acknowledge(owner: string): void {
    this.#ended.delete(owner)
  }

  /** Ends all that it holds and waits for. Returns the locks that others can have now. */
  drop(reason: EndReason, now: number): Set<Lock> {
    const touched = new Set<Lock>()
    for (const { lock, holder } of [...this.#holds.values()]) {
      lock.end(holder, reason, now)
      touched.add(lock)
    }
    for (const { lock, waiter } of [...this.#places.values()]) {
      lock.giveUp(waiter, reason, now)
      touched.add(lock)
    }
    for (const [owner, { name }] of this.#ended) this.space.unreleased.remove(name, owner)
    this.#ended.clear()
    return touched
  }

  /** How it stands at `now`, after the claims of `confirm` have been confirmed. */
  standing(confirm: readonly string[], now: number): Standing {
    return {
      kind: 'standing',
      epoch: this.epoch,
      leaseMs: this.leaseMs,
      expiresInMs: Math.max(0, Math.floor(this.expiresAt - now)),
      confirmed: [...new Set(confirm)].filter((owner) => this.#holds.has(owner) && !this.#claims.has(owner)),
      claims: [...this.#claims].map(([owner, { lock, holder }]) => ({
        owner,
        name: lock.name,
        fencingToken: holder.fencingToken,
        expiresInMs: remaining(holder, now),
        waitedMs: sinceArrival(holder, now),
      })),
      ending: [...this.#endings].flatMap(([owner, { lock, holder }]) =>
        holder.ending === null
          ? []
          : {
              owner,
              name: lock.name,
              reason: holder.ending,
              expiresInMs: remaining(holder, now),
              successor: lock.successor(now),
            },
      ),
      ended: [...this.#ended].map(([owner, { name, reason }]) => ({ owner, name, reason })),
      isWaiting: this.#places.size > 0,
    }
  }

  /** All that it holds, claims too. */
  holds(): { owner: string; name: string; fencingToken: number }[] {
    return [...this.#holds].map(([owner, { lock, holder }]) => ({
      owner,
      name: lock.name,
      fencingToken: holder.fencingToken,
    }))
  }

  /** All that it waits for. */
  waits(): { owner: string; name: string }[] {
    return [...this.#places].map(([owner, { lock }]) => ({ owner, name: lock.name }))
  }
}
