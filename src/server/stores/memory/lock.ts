import type { EndingReason, EndReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { HolderState, LockState } from '../../store.ts'
import { asState, begin, endOf, extend, type Holder, isCompatible } from './holder.ts'
import { asMs, fromMs, type LockImage } from './image.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'
import { type Waiter, WaitQueue } from './wait-queue.ts'

/** How many of the holders are told: a thousand shared ones with 1 KiB of `info` each would make a megabyte of it. */
const MOST_TOLD = 20

/** What is granted to whom. */
export interface Grantee {
  readonly owner: string | null
  /** Who asked. */
  readonly subject: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly leaseMs: number
  /** How long it may be held, in ms; `null`: as long as it is renewed. */
  readonly maxHoldMs: number | null
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
    this.queue = new WaitQueue(space.waiters)
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

  /** How it stands, for everybody. */
  state(now: number): LockState {
    return {
      mode: this.#holders[0]?.mode ?? null,
      fencingToken: this.#space.lastToken(this.name),
      holders: this.holderStates(now),
      waiters: this.queue.size,
    }
  }

  /** Whether `subject` holds or waits. */
  isOf(subject: string): boolean {
    return [...this.#holders, ...this.queue].some((each) => each.subject === subject)
  }

  /** Who comes next, for people; `null` if nobody does. */
  successor(now: number): { info: Json } | null {
    const head = this.queue.head(now)
    return head && { info: head.info }
  }

  /** Brings the lock up to the present: ends leases and tickets that have run out, and hands over to who is next. */
  settle(now: number): void {
    const { slackMs } = this.#space
    for (const holder of this.#holders.filter((each) => endOf(each) + slackMs <= now)) {
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
    const { owner, subject, mode, info, leaseMs, maxHoldMs, session, arrivedAt } = grantee
    const fencingToken = this.#space.nextToken(this.name, leaseMs)
    const granted = { owner, subject, mode, info, fencingToken, since: now, arrivedAt, session, leaseMs, maxHoldMs }
    const holder: Holder = { ...granted, ownEnd: now, claim, ending: null }
    begin(holder, now)
    this.#take(holder)
    this.#space.ledger.granted(this, holder)
    this.#space.tellGrant(this, holder, now)
    return holder
  }

  /**
   * Makes a holder of somebody whom an earlier store granted the lock: confirmed, and with its full lease from `now`, from
   * when it also counts how long it has held.
   */
  restore(restored: Restored, now: number): void {
    this.#space.restoreToken(this.name, restored.fencingToken, restored.leaseMs)
    const holder: Holder = { ...restored, since: now, arrivedAt: now, ownEnd: now, claim: false, ending: null }
    begin(holder, now)
    this.#take(holder)
  }

  image(): LockImage {
    return {
      name: this.name,
      holders: this.#holders.map((holder) => ({
        ...holder,
        session: holder.session?.id ?? null,
        ownEnd: asMs(holder.ownEnd),
      })),
      queue: [...this.queue].map((waiter) => ({
        ...waiter,
        session: waiter.session?.id ?? null,
        liveUntil: asMs(waiter.liveUntil),
      })),
    }
  }

  /** Takes in who holds and waits; their sessions are told by those. */
  load({ holders, queue }: LockImage, find: (session: string) => Session | null): void {
    const sessionOf = (id: string | null) => (id === null ? null : find(id))
    for (const holder of holders) {
      this.#holders.push({ ...holder, session: sessionOf(holder.session), ownEnd: fromMs(holder.ownEnd) })
      this.#space.holders.add(holder.subject)
    }
    for (const waiter of queue) {
      this.queue.add({ ...waiter, session: sessionOf(waiter.session), liveUntil: fromMs(waiter.liveUntil) })
    }
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
    waiter.session?.ended(waiter.owner, this.name, reason)
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
    this.#space.holders.remove(holder.subject)
    this.#space.ledger.ended(this, holder)
    this.#space.tellEnd(this, holder, reason, now)
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
    const expiries = this.#holders.map((holder) => holder.ownEnd + this.#space.slackMs)
    const pauseMs = this.#space.pauseMs(now)
    const pauseEnd = pauseMs > 0 && this.queue.size > 0 ? now + pauseMs : Number.POSITIVE_INFINITY
    return Math.min(pauseEnd, this.queue.nextDeath(), this.#nextLull(now), ...expiries)
  }

  #take(holder: Holder): void {
    this.#holders.push(holder)
    this.#space.holders.add(holder.subject)
    if (holder.owner !== null) holder.session?.granted(holder.owner, this, holder)
  }

  /** When somebody who is in nobody's way any more lets those behind through: never past an exclusive holder. */
  #nextLull(now: number): number {
    const isOpen = this.#holders.every((holder) => holder.mode === 'shared')
    return isOpen && this.queue.size > 1 ? this.queue.nextLull(now) : Number.POSITIVE_INFINITY
  }
}
