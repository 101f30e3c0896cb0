import type { EndReason } from '../../../protocol/wire.ts'
import type { Changed, LockFact, StoreLimits } from '../../store.ts'
import { BoundedMap } from './bounded-map.ts'
import type { FencingTokens } from './fencing-tokens.ts'
import type { Holder } from './holder.ts'
import type { SpaceImage } from './image.ts'
import type { Ledger } from './ledger.ts'
import { Lock } from './lock.ts'
import type { MarkKeeper } from './mark-keeper.ts'
import type { Session } from './session.ts'
import { Tally } from './tally.ts'
import { Tombstones } from './tombstones.ts'
import { Unreleased } from './unreleased.ts'

/** What all namespaces of a store share. */
export interface SpaceContext {
  readonly limits: StoreLimits
  readonly tokens: FencingTokens
  readonly mark: MarkKeeper
  readonly ledger: Ledger
  /** The monotonic ms before which nothing is granted. */
  graceUntil: number
  /** How much later than holders and sessions are told they end, in ms. */
  readonly slackMs: number
  /** Told of each waiter that is granted, released or removed, and of each holder of a session that ends or will. */
  readonly changed: (changed: Changed) => void
  /** Told of each grant and each end; `null`: nobody counts. */
  happened: ((fact: LockFact) => void) | null
}

/** The locks of one namespace, with what is remembered of those that are gone. */
export class Space {
  readonly namespace: string
  readonly limits: StoreLimits
  readonly tombstones: Tombstones
  readonly unreleased: Unreleased = new Unreleased()
  /** Of those who hold and who wait for its locks. */
  readonly holders: Tally = new Tally()
  readonly waiters: Tally = new Tally()
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

  get ledger(): Ledger {
    return this.#context.ledger
  }

  get slackMs(): number {
    return this.#context.slackMs
  }

  /** Nothing has ever happened here that is still known. */
  get isBlank(): boolean {
    return this.#locks.size === 0 && this.#lastTokens.size === 0 && this.tombstones.size === 0
  }

  get lockCount(): number {
    return this.#locks.size
  }

  has(lock: Lock): boolean {
    return this.#locks.get(lock.name) === lock
  }

  /** The names of locks that are held or waited for, or were until a moment ago. */
  names(): Iterable<string> {
    return this.#locks.keys()
  }

  /** The names of locks that `subject` may hold or wait for. */
  namesOf(subject: string): string[] {
    return [...this.#locks.values()].filter((lock) => lock.isOf(subject)).map(({ name }) => name)
  }

  /** Why `owner` is finished, or `null` if it is not, as far as is remembered. */
  spent(name: string, owner: string, now: number): EndReason | null {
    return this.tombstones.find(name, owner, now) ?? this.unreleased.find(name, owner)
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

  /**
   * Comes before a lease is promised to somebody who holds: whoever comes after a restart has to know how long to wait.
   * Throws a `StoreUnavailableError` if that cannot be written down.
   */
  promise(leaseMs: number): void {
    this.#context.mark.cover(leaseMs)
    this.tombstones.keepFor(leaseMs)
  }

  /** Comes before a grant, and before anything is changed for it. Throws as {@link promise} does. */
  prepareGrant(leaseMs: number): void {
    this.#context.mark.cover(leaseMs, this.#context.tokens.prepare())
  }

  /** As {@link prepareGrant}, for somebody who waits and may as well go on waiting. */
  canGrant(leaseMs: number, now: number): boolean {
    return this.#context.mark.tryCover(leaseMs, this.#context.tokens.prepare(), now)
  }

  nextToken(name: string, leaseMs: number): number {
    this.tombstones.keepFor(leaseMs)
    const token = this.#context.tokens.next()
    // Done already, unless a caller forgot.
    this.#context.mark.cover(leaseMs, token)
    this.#lastTokens.set(name, token)
    return token
  }

  /** An earlier store had granted `token`, for a lease of `leaseMs`. */
  restoreToken(name: string, token: number, leaseMs: number): void {
    this.tombstones.keepFor(leaseMs)
    this.#lastTokens.set(name, token)
  }

  lastToken(name: string): number | null {
    return this.#lastTokens.get(name) ?? null
  }

  /** How long nothing will be granted yet, in ms; 0 when the grace period is over. */
  graceMs(now: number): number {
    return Math.max(0, this.#context.graceUntil - now)
  }

  image(): SpaceImage {
    return {
      namespace: this.namespace,
      tombstones: this.tombstones.image(),
      lastTokens: [...this.#lastTokens],
      locks: [...this.#locks.values()].map((lock) => lock.image()),
    }
  }

  /** Fills an empty space. */
  load({ tombstones, lastTokens, locks }: SpaceImage, find: (session: string) => Session | null): void {
    this.tombstones.load(tombstones)
    for (const [name, token] of lastTokens) this.#lastTokens.set(name, token)
    for (const image of locks) {
      const lock = new Lock(this, image.name)
      lock.load(image, find)
      this.keep(lock)
    }
  }

  /** A lock that {@link load} has taken in. */
  loaded(name: string): Lock {
    const lock = this.#locks.get(name)
    if (lock === undefined) throw new Error('A session has a lock that is not there.')
    return lock
  }

  /** The longest time that is left to a holder, in ms; 0 if nobody holds. */
  longestRemaining(now: number): number {
    return longest(this.#locks, (lock) => lock.longestRemaining(now))
  }

  /** The longest lease that somebody holds, in ms; 0 if nobody does. */
  longestLease(): number {
    return longest(this.#locks, (lock) => lock.longestLease())
  }

  /** How long those who wait have to be left waiting, in ms, for the grace period or for the mark. */
  pauseMs(now: number): number {
    return Math.max(this.graceMs(now), this.#context.mark.outageMs(now))
  }

  /** Hints at everybody that waits. */
  wakeAll(): void {
    for (const lock of this.#locks.values()) {
      for (const waiter of lock.queue) this.changed(lock.name, waiter)
    }
  }

  /** Tells those who count of a grant. */
  tellGrant({ name }: Lock, { mode, claim, arrivedAt }: Holder, now: number): void {
    const { happened } = this.#context
    happened?.({ kind: 'granted', namespace: this.namespace, name, mode, claim, waitedMs: now - arrivedAt })
  }

  /** Tells those who count of an end. */
  tellEnd({ name }: Lock, { claim, since }: Holder, reason: EndReason, now: number): void {
    const { happened } = this.#context
    happened?.({ kind: 'ended', namespace: this.namespace, name, reason, claim, heldMs: now - since })
  }

  changed(name: string, { owner, session }: { owner: string; session: Session | null }): void {
    this.#context.changed({ namespace: this.namespace, name, owner, session: session?.id ?? null })
  }
}

function longest(locks: ReadonlyMap<string, Lock>, ms: (lock: Lock) => number): number {
  let most = 0
  for (const lock of locks.values()) most = Math.max(most, ms(lock))
  return most
}
