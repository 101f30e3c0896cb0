import type { EndReason, Json } from '../../../protocol/wire.ts'
import type { ServerClock } from '../../clock.ts'
import type { SessionTableImage } from './image.ts'
import type { InheritedSession } from './inherited.ts'
import type { Ledger } from './ledger.ts'
import { Session } from './session.ts'
import type { Space } from './space.ts'
import { Tombstones } from './tombstones.ts'

export interface SessionTableOptions {
  readonly clock: ServerClock
  readonly ledger: Ledger
  readonly mostTombstones: number
  /** How much later than their clients are told they lapse, in ms. */
  readonly slackMs: number
  /** Epochs begin above this. */
  readonly lastEpoch: number
}

/** The sessions of all namespaces, with what is remembered of those that are over. */
export class SessionTable {
  readonly #clock: ServerClock
  readonly #ledger: Ledger
  readonly #sessions = new Map<string, Session>()
  readonly #tombstones: Tombstones
  /** Of sessions that never were: whoever makes them up must not push out those of others. */
  readonly #unknown: Tombstones
  readonly #counts = new Map<Space, number>()
  readonly #slackMs: number
  #lastEpoch: number
  /** No session lapses before this. Renewals only put that off, so it is looked at anew when it has come. */
  #nextLapse = Number.POSITIVE_INFINITY

  constructor({ clock, ledger, mostTombstones, slackMs, lastEpoch }: SessionTableOptions) {
    this.#clock = clock
    this.#ledger = ledger
    this.#slackMs = slackMs
    this.#lastEpoch = lastEpoch
    this.#tombstones = new Tombstones(mostTombstones)
    this.#unknown = new Tombstones(mostTombstones)
  }

  /** When {@link buryLapsed} may have something to do; `Infinity` if there is no session. */
  get nextLapse(): number {
    return this.#nextLapse
  }

  find(id: string): Session | null {
    return this.#sessions.get(id) ?? null
  }

  get size(): number {
    return this.#sessions.size
  }

  countOf(space: Space): number {
    return this.#counts.get(space) ?? 0
  }

  /** Why a session is over, or `null` if it is not, as far as is remembered. */
  endOf(id: string, now: number): EndReason | null {
    return this.#tombstones.find('', id, now) ?? this.#unknown.find('', id, now)
  }

  open(id: string, space: Space, leaseMs: number, info: Json, now: number): Session {
    // By the wall clock, so that it differs from those of an earlier process too.
    this.#lastEpoch = Math.max(this.#lastEpoch + 1, Math.floor(this.#clock.wall()))
    const session = new Session({ id, space, epoch: this.#lastEpoch, leaseMs, info })
    this.#add(session, now)
    return session
  }

  /** Takes in a session of an earlier store. */
  restore({ seq, ...inherited }: InheritedSession, space: Space, now: number): void {
    const session = new Session({ ...inherited, space })
    session.seq = seq
    this.#add(session, now)
  }

  /** Lets in commands whose number is larger than every one before. */
  attempt(session: Session, seq: number): void {
    session.seq = seq
    this.#ledger.attempted(session)
  }

  /** Renews to the full lease from `now`, never to less than what is left. */
  renew(session: Session, now: number): void {
    session.expiresAt = Math.max(session.expiresAt, now + session.leaseMs)
    this.#nextLapse = Math.min(this.#nextLapse, this.#lapseOf(session))
  }

  /** Remembers that a session is over, known or not. The first reason stays. */
  bury(id: string, reason: EndReason, now: number): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return this.#unknown.add('', id, reason, now)
    this.#tombstones.add('', id, reason, now)
    this.#ledger.buried(session)
    this.#sessions.delete(id)
    this.#counts.set(session.space, this.countOf(session.space) - 1)
    if (this.#sessions.size === 0) this.#nextLapse = Number.POSITIVE_INFINITY
  }

  /** Buries the sessions that have lapsed, and returns them. */
  buryLapsed(now: number): Session[] {
    if (now < this.#nextLapse) return []
    const lapsed = [...this.#sessions.values()].filter((session) => this.#lapseOf(session) <= now)
    for (const session of lapsed) this.bury(session.id, 'expired', now)
    this.#nextLapse = Number.POSITIVE_INFINITY
    for (const session of this.#sessions.values()) this.#nextLapse = Math.min(this.#nextLapse, this.#lapseOf(session))
    return lapsed
  }

  /** From the one that was opened first. */
  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values()
  }

  image(): SessionTableImage {
    return {
      lastEpoch: this.#lastEpoch,
      tombstones: this.#tombstones.image(),
      unknown: this.#unknown.image(),
      sessions: [...this.#sessions.values()].map((session) => session.image()),
    }
  }

  /** Fills an empty table; what its sessions hold and wait for is not known yet. */
  load({ lastEpoch, tombstones, unknown, sessions }: SessionTableImage, spaceOf: (namespace: string) => Space): void {
    this.#lastEpoch = lastEpoch
    this.#tombstones.load(tombstones)
    this.#unknown.load(unknown)
    for (const { namespace, seq, expiresAt, liveUntil, ...options } of sessions) {
      const session = new Session({ ...options, space: spaceOf(namespace) })
      Object.assign(session, { seq, expiresAt, liveUntil })
      this.#enter(session)
      this.#nextLapse = Math.min(this.#nextLapse, this.#lapseOf(session))
    }
  }

  #add(session: Session, now: number): void {
    this.#tombstones.keepFor(session.leaseMs)
    this.#unknown.keepFor(session.leaseMs)
    this.#enter(session)
    this.renew(session, now)
  }

  #enter(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#counts.set(session.space, this.countOf(session.space) + 1)
  }

  #lapseOf({ expiresAt }: Session): number {
    return expiresAt + this.#slackMs
  }
}
