import { type Clock, elapsed, type Instant, instant } from '../../src/core/clock.ts'
import type { SessionEvent, SessionStanding } from '../../src/protocol/session.ts'
import type { LockMode } from '../../src/protocol/wire.ts'
import type { Believer } from './believer.ts'
import type { Machine } from './machine.ts'

/** How sure a client is of something: for so many ms from when a request was sent. */
export interface Certainty {
  readonly sentAt: Instant
  readonly ms: number
}

/** What is certain of a duration that the server told, by the protocol's book: all but 2 % and 100 ms. */
export function certain(sentAt: Instant, expiresInMs: number, waitedMs = 0): Certainty {
  return { sentAt, ms: 0.98 * waitedMs + 0.98 * expiresInMs - 100 }
}

/** How many ms of it are left; 0 or less when it is over. */
export function remainsOf({ sentAt, ms }: Certainty, clock: Clock): number {
  return ms - elapsed(sentAt, instant(clock))
}

export function isCertain(certainty: Certainty, clock: Clock): boolean {
  return remainsOf(certainty, clock) > 0
}

export interface BookedLockOptions {
  readonly machine: Machine
  readonly clock: Clock
  readonly label: string
  readonly name: string
  readonly mode: LockMode
  readonly owner: string
  /** True ms. */
  readonly askedAt: number
  /** Whether the session's own lease, as its client counts it, still runs. */
  readonly isSessionCertain: () => boolean
}

/** What one owner of a session may believe, by the protocol's book. */
export class BookedLock implements Believer {
  readonly machine: Machine
  readonly label: string
  readonly name: string
  readonly mode: LockMode
  readonly owner: string
  readonly askedAt: number
  fencingToken: number | null = null
  /** When the first request that asked for it was sent; `null`: none was. */
  firstSentAt: Instant | null = null
  state: 'waiting' | 'claim' | 'held' | 'over' = 'waiting'
  readonly #clock: Clock
  readonly #isSessionCertain: () => boolean
  /** Whether its application was told that it is granted: from then on a belief that ends is over for good. */
  #hasBelieved = false
  /** Under which epoch it was granted, confirmed or listed. */
  #epoch: number | null = null
  #certainties: Certainty[] = []

  constructor(options: BookedLockOptions) {
    this.machine = options.machine
    this.label = options.label
    this.name = options.name
    this.mode = options.mode
    this.owner = options.owner
    this.askedAt = options.askedAt
    this.#clock = options.clock
    this.#isSessionCertain = options.isSessionCertain
  }

  believes(): boolean {
    if (this.state !== 'claim' && this.state !== 'held') return false
    const isCertainNow = this.#certainties.some((certainty) => isCertain(certainty, this.#clock))
    // A claim never lasts longer than its session.
    if (isCertainNow && (this.state === 'held' || this.#isSessionCertain())) return true
    // A claim that was heard of too late may still be confirmed; what was held is over.
    if (this.#hasBelieved || this.state === 'held') this.state = 'over'
    return false
  }

  remaining(): number {
    const certainties = this.#certainties.map((certainty) => remainsOf(certainty, this.#clock))
    return Math.max(0, ...certainties)
  }

  /** Its application is told that it has the lock. */
  begin(): void {
    this.#hasBelieved = true
  }

  end(): void {
    this.state = 'over'
  }

  /** The acquire was granted at once, without a queue. */
  granted(token: number, epoch: number, certainty: Certainty): void {
    if (this.state !== 'waiting') return
    this.#take('held', token, epoch, certainty)
  }

  /** It is a claim, which some message tells the remains of. */
  claimed(token: number, epoch: number, certainty: Certainty): void {
    if (this.state === 'waiting') return this.#take('claim', token, epoch, certainty)
    if (this.state === 'claim' && this.#epoch === epoch) this.#certainties.push(certainty)
  }

  /** A claim of an event counts from when this owner was first asked for. */
  claimedByEvent(event: Extract<SessionEvent, { type: 'granted' }>): void {
    if (this.firstSentAt === null) return
    const certainty = certain(this.firstSentAt, event.expires_in_ms, event.waited_ms)
    this.claimed(event.fencing_token, event.epoch, certainty)
  }

  /** @param named whether the request that is answered named it in `confirm`. */
  stands(standing: SessionStanding, sentAt: Instant, named: boolean): void {
    if (standing.ended.some(({ owner }) => owner === this.owner)) return this.end()
    const claim = standing.claims.find(({ owner }) => owner === this.owner)
    if (claim) this.claimed(claim.fencing_token, standing.epoch, certain(sentAt, claim.expires_in_ms))
    if (named) this.#wasNamed(standing)
    if (this.state !== 'held' || this.#epoch !== standing.epoch) return
    const ending = standing.ending.find(({ owner }) => owner === this.owner)
    this.#certainties = this.#certainties.filter((certainty) => isCertain(certainty, this.#clock))
    // Too late is no success.
    if (this.#certainties.length === 0 && this.#hasBelieved) return this.end()
    this.#certainties.push(certain(sentAt, ending?.expires_in_ms ?? standing.expires_in_ms))
  }

  /** `sync` under a new epoch lists it. */
  listed(epoch: number, certainty: Certainty): void {
    if (this.state !== 'held' || !this.believes()) return
    this.#epoch = epoch
    this.#certainties.push(certainty)
  }

  #wasNamed({ confirmed, epoch }: SessionStanding): void {
    if (this.state !== 'claim') return
    if (!confirmed.includes(this.owner)) return this.end()
    if (this.#hasBelieved && !this.believes()) return
    this.#epoch = epoch
    this.state = 'held'
  }

  #take(state: 'claim' | 'held', token: number, epoch: number, certainty: Certainty): void {
    this.state = state
    this.fencingToken = token
    this.#epoch = epoch
    this.#certainties.push(certainty)
  }
}
