import type { EndReason, Json, LockMode } from '../../../protocol/wire.ts'
import type { HolderState } from '../../store.ts'
import { CLAIM_MS } from '../../timing.ts'
import { asState, type Holder, isCompatible } from './holder.ts'
import type { Space } from './space.ts'
import { WaitQueue } from './wait-queue.ts'

/** What is granted to whom. */
export interface Grantee {
  readonly owner: string | null
  readonly mode: LockMode
  readonly info: Json
  readonly leaseMs: number
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

  get isIdle(): boolean {
    return this.#holders.length === 0 && this.queue.size === 0
  }

  holder(owner: string | null): Holder | null {
    return this.#holders.find((holder) => holder.owner === owner) ?? null
  }

  holderStates(now: number): HolderState[] {
    return this.#holders.map((holder) => asState(holder, now))
  }

  /** Brings the lock up to the present: ends leases and tickets that have run out, and hands over to who is next. */
  settle(now: number): void {
    for (const holder of this.#holders.filter((each) => each.expiresAt <= now)) {
      this.end(holder, holder.ending ?? 'expired', now)
    }
    for (const waiter of this.queue.removeDead(now)) this.#space.changed(this.name, waiter.owner)
    this.promote(now)
  }

  /** Hands the lock to the head of the queue, and with a shared head to the run of shared waiters behind it. */
  promote(now: number): void {
    if (this.#space.graceMs(now) > 0) return
    for (let head = this.queue.head; head !== null; head = this.queue.head) {
      if (!isCompatible(this.#holders, head.mode)) return
      this.queue.remove(head)
      this.grant(head, now, { claim: true })
      this.#space.changed(this.name, head.owner)
    }
  }

  /** Makes `grantee` a holder; nothing that excludes it may hold. */
  grant(grantee: Grantee, now: number, { claim }: { claim: boolean }): Holder {
    const { owner, mode, info, leaseMs } = grantee
    const expiresAt = now + (claim ? Math.min(leaseMs, CLAIM_MS) : leaseMs)
    const fencingToken = this.#space.nextToken(this.name, leaseMs)
    const holder = { owner, mode, info, fencingToken, since: now, leaseMs, expiresAt, claim, ending: null }
    this.#holders.push(holder)
    return holder
  }

  /** Takes the lock from `holder`, and remembers its owner as finished. */
  end(holder: Holder, reason: EndReason, now: number): void {
    this.#holders = this.#holders.filter((other) => other !== holder)
    if (holder.owner !== null) this.#space.tombstones.add(this.name, holder.owner, reason, now)
  }

  /** When {@link settle} will have something to do without anybody asking. */
  nextEvent(now: number): number {
    const expiries = this.#holders.map((holder) => holder.expiresAt)
    const graceMs = this.#space.graceMs(now)
    const graceEnd = graceMs > 0 && this.queue.size > 0 ? now + graceMs : Number.POSITIVE_INFINITY
    return Math.min(graceEnd, this.queue.nextDeath(), ...expiries)
  }
}
