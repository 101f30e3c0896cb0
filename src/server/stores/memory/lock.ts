import type { EndingReason, EndReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { HolderState } from '../../store.ts'
import { CLAIM_MS } from '../../timing.ts'
import { asState, endOf, extend, type Holder, isCompatible } from './holder.ts'
import type { Listed } from './query.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'
import { type Waiter, WaitQueue } from './wait-queue.ts'

/** How many of the holders are told: a thousand shared ones with 1 KiB of `info` each would make a megabyte of it. */
const MOST_TOLD = 20

/** What is granted to whom. */
export interface Grantee {
  readonly owner: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly leaseMs: number
  readonly session: Session | null
  /** When the owner first asked. */
  readonly arrivedAt: number
}

/** Whom an earlier store granted the lock. */
export interface Restored extends Omit<Grantee, 'arrivedAt'> {
  readonly fencingToken: number
}

/** One lock: who holds it, who waits for it, and how it passes from one to the next. */
export class Lock {
  readonly name: string
  readonly queue: WaitQueue
  readonly #space: Space
  #holders: Holder[] = []

  constructor(space: Space, name: string) {
    this.#space = space
    this.name = name
    this.queue = new WaitQueue(space.waiterCount)
  }

  get holders(): readonly Holder[] {
    return this.#holders
  }

  get namespace(): string {
    return this.#space.namespace
  }

  get isIdle(): boolean {
    return this.#holders.length === 0 && this.queue.size === 0
  }

  holder(owner: string | null): Holder | null {
    return this.#holders.find((holder) => holder.owner === owner) ?? null
  }

  holderStates(now: number): HolderState[] {
    return this.#holders.slice(0, MOST_TOLD).map((holder) => asState(holder, now))
  }

  /** How it stands, for a list; `null` if nobody holds or waits. */
  listed(now: number): Listed | null {
    return this.isIdle ? null : { name: this.name, holders: this.holderStates(now), waiters: this.queue.size }
  }

  /** Who comes next, for people; `null` if nobody does. */
  successor(now: number): { info: Json } | null {
    const head = this.queue.head(now)
    return head && { info: head.info }
  }

  /** Brings the lock up to the present: ends leases and tickets that have run out, and hands over to who is next. */
  settle(now: number): void {
    for (const holder of this.#holders.filter((each) => endOf(each) <= now)) {
      this.end(holder, holder.ending ?? 'expired', now)
    }
    for (const waiter of this.queue.removeDead(now)) this.#space.changed(this.name, waiter)
    this.promote(now)
  }

  /** Hands the lock to who is next, and with a shared one to the run of shared waiters behind it. */
  promote(now: number): void {
    if (this.#space.graceMs(now) > 0) return
    for (let head = this.queue.head(now); head !== null; head = this.queue.head(now)) {
      if (!isCompatible(this.#holders, head.mode) || !this.#space.canGrant(head.leaseMs, now)) return
      this.dequeue(head)
      this.grant(head, now, { claim: true })
      this.#space.changed(this.name, head)
    }
  }

  /** Makes `grantee` a holder; nothing that excludes it may hold. */
  grant(grantee: Grantee, now: number, { claim }: { claim: boolean }): Holder {
    const { owner, mode, info, leaseMs, session, arrivedAt } = grantee
    const ownEnd = claim
      ? now + Math.min(leaseMs, CLAIM_MS)
      : session === null
        ? now + leaseMs
        : Number.POSITIVE_INFINITY
    const fencingToken = this.#space.nextToken(this.name, leaseMs)
    const granted = { owner, mode, info, fencingToken, since: now, arrivedAt, session, leaseMs }
    const holder: Holder = { ...granted, ownEnd, claim, ending: null }
    this.#take(holder)
    this.#space.ledger.granted(this, holder)
    return holder
  }

  /** Makes a holder of somebody whom an earlier store granted the lock: confirmed, and with its full lease from `now`. */
  restore(restored: Restored, now: number): void {
    const { session, leaseMs, fencingToken } = restored
    const ownEnd = session === null ? now + leaseMs : Number.POSITIVE_INFINITY
    this.#space.restoreToken(this.name, fencingToken, leaseMs)
    this.#take({ ...restored, since: now, arrivedAt: now, ownEnd, claim: false, ending: null })
  }

  /** Renews the lease of `holder`, which must have one of its own; its end must not be fixed. Throws if it cannot. */
  extend(holder: Holder, leaseMs: number, now: number): void {
    this.#space.promise(leaseMs)
    extend(holder, leaseMs, now)
    this.#space.ledger.extended(this, holder)
  }

  /** Takes `waiter` into the queue. */
  enqueue(waiter: Waiter): void {
    this.queue.add(waiter)
    waiter.session?.queued(this, waiter)
  }

  /** Takes `waiter` out of the queue; its owner is not finished. */
  dequeue(waiter: Waiter): void {
    this.queue.remove(waiter)
    waiter.session?.unqueued(waiter)
  }

  /** Takes `waiter` out of the queue, and remembers its owner as finished. */
  giveUp(waiter: Waiter, reason: EndReason, now: number): void {
    this.dequeue(waiter)
    this.#space.tombstones.add(this.name, waiter.owner, reason, now)
    this.#space.changed(this.name, waiter)
  }

  /** From now on `holder` is not renewed: it ends when it would have ended anyway. The first reason stays. */
  fixEnd(holder: Holder, reason: EndingReason): void {
    if (holder.ending !== null) return
    holder.ending = reason
    holder.ownEnd = endOf(holder)
    const { owner, session } = holder
    if (owner === null || session === null) return
    session.endFixed(owner)
    this.#space.changed(this.name, { owner, session })
  }

  /** Takes the lock from `holder`, and remembers its owner as finished. */
  end(holder: Holder, reason: EndReason, now: number): void {
    this.#holders = this.#holders.filter((other) => other !== holder)
    this.#space.ledger.ended(this, holder)
    const { owner, session } = holder
    if (owner === null) return
    this.#space.tombstones.add(this.name, owner, reason, now)
    if (session === null) return
    session.ended(owner, this.name, reason)
    this.#space.changed(this.name, { owner, session })
  }

  /** The longest time that is left to a holder, in ms; 0 if nobody holds. */
  longestRemaining(now: number): number {
    return Math.max(0, ...this.#holders.map((holder) => endOf(holder) - now))
  }

  /** The longest lease that somebody holds, in ms; 0 if nobody does. */
  longestLease(): number {
    return Math.max(0, ...this.#holders.map((holder) => holder.leaseMs))
  }

  /** When {@link settle} will have something to do without anybody asking, the lapse of a session aside. */
  nextEvent(now: number): number {
    const expiries = this.#holders.map((holder) => holder.ownEnd)
    const pauseMs = this.#space.pauseMs(now)
    const pauseEnd = pauseMs > 0 && this.queue.size > 0 ? now + pauseMs : Number.POSITIVE_INFINITY
    return Math.min(pauseEnd, this.queue.nextDeath(), this.#nextLull(now), ...expiries)
  }

  #take(holder: Holder): void {
    this.#holders.push(holder)
    if (holder.owner !== null) holder.session?.granted(holder.owner, this, holder)
  }

  /** When somebody who is in nobody's way any more lets those behind through: never past an exclusive holder. */
  #nextLull(now: number): number {
    const isOpen = this.#holders.every((holder) => holder.mode === 'shared')
    return isOpen && this.queue.size > 1 ? this.queue.nextLull(now) : Number.POSITIVE_INFINITY
  }
}
