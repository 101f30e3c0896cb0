import type { EndReason, Json } from '../../../protocol/wire.ts'
import type { Standing } from '../../store.ts'
import { boundOf, type Holder, remaining, sinceArrival } from './holder.ts'
import type { OwnerImage, SessionImage } from './image.ts'
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
  /** Those of the confirmed holders whose end will have to be fixed, since they may not be held for so long. */
  readonly #bounded = new Map<string, Hold>()
  /** None of them has to be fixed while the session lives no longer than this. */
  #nextBound = Number.POSITIVE_INFINITY
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
    const { slackMs } = this.space
    return new Set(fixed.filter(({ holder }) => holder.ownEnd + slackMs <= now).map(({ lock }) => lock))
  }

  /** Confirms a claim. A fixed end stays where it is. */
  confirm(owner: string): void {
    const claim = this.#claims.get(owner)
    if (claim === undefined) return
    this.#claims.delete(owner)
    claim.holder.claim = false
    if (claim.holder.ending !== null) return
    claim.holder.ownEnd = boundOf(claim.holder)
    this.#bind(owner, claim)
  }

  /**
   * Fixes the end of what the session would otherwise live longer than. Comes before anybody is told how long that is: a
   * client counts with it for everything of which it is not told something else.
   */
  fixBounded(): void {
    if (this.expiresAt < this.#nextBound) return
    this.#nextBound = Number.POSITIVE_INFINITY
    for (const { lock, holder } of this.#bounded.values()) {
      if (this.expiresAt >= holder.ownEnd) lock.fixEnd(holder, 'revoked')
      else this.#nextBound = Math.min(this.#nextBound, holder.ownEnd)
    }
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
    else this.#bind(owner, hold)
  }

  endFixed(owner: string): void {
    const hold = this.#holds.get(owner)
    this.#bounded.delete(owner)
    if (hold !== undefined) this.#endings.set(owner, hold)
  }

  /** `owner` holds or waits no longer. Unless it was released, that is told until it is. */
  ended(owner: string, name: string, reason: EndReason): void {
    this.#holds.delete(owner)
    this.#claims.delete(owner)
    this.#bounded.delete(owner)
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
        waitedMs: sinceArrival(holder, now - this.space.slackMs),
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

  image(): SessionImage {
    const { id, epoch, leaseMs, info, seq, expiresAt, liveUntil } = this
    return {
      ...{ id, namespace: this.space.namespace, epoch, leaseMs, info, seq, expiresAt, liveUntil },
      holds: namesOf(this.#holds),
      places: namesOf(this.#places),
      claims: namesOf(this.#claims),
      bounded: namesOf(this.#bounded),
      endings: namesOf(this.#endings),
      ended: [...this.#ended],
    }
  }

  /** Takes in what it holds and waits for, in locks that are loaded. */
  load({ holds, places, claims, bounded, endings, ended }: SessionImage): void {
    for (const [owner, name] of holds) this.#holds.set(owner, this.#holdOf(owner, name))
    for (const [owner, name] of claims) this.#claims.set(owner, this.#holdOf(owner, name))
    for (const [owner, name] of bounded) this.#bind(owner, this.#holdOf(owner, name))
    for (const [owner, name] of endings) this.#endings.set(owner, this.#holdOf(owner, name))
    for (const [owner, name] of places) {
      const lock = this.space.loaded(name)
      this.#places.set(owner, { lock, waiter: present(lock.queue.find(owner)) })
    }
    for (const [owner, end] of ended) {
      this.#ended.set(owner, end)
      this.space.unreleased.add(end.name, owner, this)
    }
  }

  #bind(owner: string, hold: Hold): void {
    if (hold.holder.maxHoldMs === null) return
    this.#bounded.set(owner, hold)
    this.#nextBound = Math.min(this.#nextBound, hold.holder.ownEnd)
    this.fixBounded()
  }

  #holdOf(owner: string, name: string): Hold {
    const lock = this.space.loaded(name)
    return { lock, holder: present(lock.holder(owner)) }
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

function namesOf(owners: ReadonlyMap<string, { readonly lock: Lock }>): OwnerImage[] {
  return [...owners].map(([owner, { lock }]) => [owner, lock.name])
}

/** Throws if an image contradicts itself. */
function present<Value>(value: Value | null): Value {
  if (value === null) throw new Error('A session has an owner that its lock does not know.')
  return value
}
