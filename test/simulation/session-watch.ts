import type { EndReason } from '../../src/protocol/wire.ts'
import type { ExecuteStep, SessionGone, Standing, Synced } from '../../src/server/store.ts'
import type { BroughtSession } from './brought-back.ts'
import type { LockWatch } from './lock-watch.ts'
import {
  CLAIM_MS,
  endOf,
  promisedEndOf,
  SLACK_MS,
  sessionEnd,
  TICKET_MS,
  type WatchedHolder,
  type WatchedSession,
} from './watched-lock.ts'

/** What is known of the sessions of a store, from what it says; and what is wrong with what it says. */
export class SessionWatch {
  readonly #locks: LockWatch
  readonly #namespace: string
  /** Those too that are over. */
  readonly #sessions = new Map<string, WatchedSession>()
  /** That never were, and must not be any more: the end may overtake the opening. */
  readonly #endedBefore = new Set<string>()

  constructor(locks: LockWatch, namespace: string) {
    this.#locks = locks
    this.#namespace = namespace
  }

  /** `null`: not known, as far as was heard, or over. */
  find(id: string): WatchedSession | null {
    const session = this.known(id)
    return session?.isOver === false ? session : null
  }

  /** Also one that is over. */
  known(id: string): WatchedSession | null {
    return this.#sessions.get(id) ?? null
  }

  /** The store came back with it. */
  adopt({ id, leaseMs, seq, epoch }: BroughtSession): WatchedSession {
    const { now } = this.#locks
    const until = { promisedUntil: now + leaseMs, liveUntil: now + TICKET_MS, liveSince: now }
    const session: WatchedSession = { id, epoch, seq, ...until, isOver: false, slackMs: this.#locks.slackMs }
    this.#sessions.set(id, session)
    return session
  }

  /** The store carried out commands: the session is there, and renewed. */
  executed({ session: id, open, seq, confirm }: ExecuteStep, standing: Standing): WatchedSession {
    const session = this.find(id) ?? this.#opened(id, open !== null, standing)
    if (seq <= session.seq) this.#broken('seq', `${id} was given commands of seq ${seq} after ${session.seq}`)
    session.seq = Math.max(session.seq, seq)
    this.renewed(session, confirm, standing)
    return session
  }

  /** The store says that `seq` came too late. */
  refused({ session: id, seq }: ExecuteStep): void {
    const session = this.find(id)
    if (session === null || seq <= session.seq) return
    this.#broken('seq', `commands of seq ${seq} of ${id} were refused after ${session.seq}`)
  }

  /** The session was renewed, and claims confirmed: what comes first in a step, before any command. */
  renewed(session: WatchedSession, confirm: readonly string[], standing: Standing): void {
    const { now } = this.#locks
    this.#checkEndings(standing)
    const until = now + standing.expiresInMs
    if (until + SLACK_MS < session.promisedUntil) {
      this.#broken('session', `${session.id} was shortened to ${standing.expiresInMs} ms`)
    }
    session.promisedUntil = Math.max(session.promisedUntil, until)
    this.#heard(session, now + TICKET_MS)
    for (const owner of standing.confirmed) this.#confirmed(session, owner, confirm)
  }

  /** A stream is attached to the session, or was; that renews nothing. */
  attended(session: WatchedSession, attachMs: number, standing: Standing): void {
    const { now } = this.#locks
    if (now + standing.expiresInMs > sessionEnd(session)) {
      this.#broken('session', `${session.id} was renewed by a stream, to ${standing.expiresInMs} ms`)
    }
    this.#checkEndings(standing)
    const liveUntil = now + attachMs + TICKET_MS
    this.#heard(session, liveUntil)
    // When the last stream has ended, the ticket begins.
    if (attachMs === 0) session.liveUntil = liveUntil
  }

  /** What a standing tells of single locks, once the grants of its step are known. */
  stands(session: WatchedSession, standing: Standing): void {
    if (standing.epoch !== session.epoch) this.#broken('session', `${session.id} changed its epoch`)
    for (const claim of standing.claims) this.#claimed(session, claim, standing)
    for (const { owner, name, expiresInMs } of standing.ending) {
      const holder = this.#locks.lock(name).holders.get(owner)
      if (holder === undefined || holder.isEnding) continue
      holder.isEnding = true
      holder.promisedUntil = this.#locks.now + expiresInMs
      holder.until = holder.promisedUntil + this.#locks.slackMs
    }
    for (const { owner, name, reason } of standing.ended) {
      this.#locks.ended({ namespace: this.#namespace, name, owner }, reason)
    }
  }

  /** `sync` names all that the session holds, and nothing else. */
  synced(session: WatchedSession, { holds }: Synced, names: readonly string[]): void {
    const told = new Set(holds.map(({ owner }) => owner))
    for (const { owner, name } of holds) {
      if (this.#locks.lock(name).holders.has(owner)) continue
      this.#broken('session', `${session.id} is told that ${owner} holds ${name}`)
    }
    for (const name of names) {
      for (const [owner, holder] of this.#locks.lock(name).holders) {
        const isCertain = holder.session === session && promisedEndOf(holder) > this.#locks.now + SLACK_MS
        if (!isCertain || told.has(owner ?? '')) continue
        this.#broken('session', `${session.id} is not told that ${owner} holds ${name}`)
      }
    }
  }

  /** Its client ends it: from here on nothing of it holds or waits. */
  ended(id: string, isWanted = true): void {
    const session = this.known(id)
    if (session === null) this.#endedBefore.add(id)
    else {
      session.isOver = true
      this.#locks.dropped(session, isWanted)
    }
  }

  /** The store says that it is over. */
  gone(id: string, { reason }: SessionGone): void {
    const session = this.find(id)
    const leftMs = session === null ? 0 : session.promisedUntil - this.#locks.now
    if (leftMs > SLACK_MS) this.#lostEarly(id, reason, leftMs)
    // A session that was never known may yet be opened.
    if (reason !== 'unknown' || session !== null) this.ended(id, false)
  }

  #lostEarly(id: string, reason: EndReason, leftMs: number): void {
    this.#broken('session', `${id} is over (${reason}), ${Math.round(leftMs)} ms before its promised end`)
  }

  #opened(id: string, isOpening: boolean, { epoch, expiresInMs }: Standing): WatchedSession {
    const { now } = this.#locks
    if (!isOpening) this.#broken('session', `${id} was opened by a request that did not ask for it`)
    if (this.#endedBefore.has(id) || this.known(id) !== null)
      this.#broken('zombie session', `${id} was opened again after its end`)
    const until = { promisedUntil: now + expiresInMs, liveUntil: now + TICKET_MS, liveSince: now }
    const { slackMs } = this.#locks
    const session: WatchedSession = { id, epoch, seq: Number.NEGATIVE_INFINITY, ...until, isOver: false, slackMs }
    this.#sessions.set(id, session)
    return session
  }

  #heard(session: WatchedSession, liveUntil: number): void {
    const { now } = this.#locks
    // Until it was heard of again, its waiters were rightly passed over.
    if (session.liveUntil <= now) session.liveSince = now
    session.liveUntil = Math.max(session.liveUntil, liveUntil)
  }

  #confirmed(session: WatchedSession, owner: string, confirm: readonly string[]): void {
    if (!confirm.includes(owner)) return this.#broken('confirmation', `${owner} was confirmed, and nobody named it`)
    const holder = this.#holderOf(session, owner)
    if (holder === null) return this.#broken('confirmation', `${owner} was confirmed, and does not hold`)
    holder.isClaim = false
  }

  #holderOf(session: WatchedSession, owner: string): WatchedHolder | null {
    const found = this.#locks.find(owner)
    return found?.session === session && endOf(found) > this.#locks.now ? found : null
  }

  #claimed(session: WatchedSession, claim: Standing['claims'][number], standing: Standing): void {
    const { owner, name, fencingToken, expiresInMs } = claim
    if (expiresInMs > Math.min(CLAIM_MS, standing.expiresInMs)) {
      this.#broken('claim', `${owner} has a claim of ${expiresInMs} ms on ${name}`)
    }
    const known = this.#locks.lock(name).holders.get(owner)
    if (known?.token !== fencingToken) return this.#broken('claim', `${owner} claims ${name}, and was not granted it`)
    if (known.session !== session)
      return this.#broken('session', `${owner} is told to ${session.id}, which it is not of`)
    if (!known.isClaim) return this.#broken('confirmation', `${owner} is a claim again, though it was confirmed`)
    if (this.#locks.now + expiresInMs > endOf(known))
      this.#broken('claim', `the claim of ${owner} on ${name} was prolonged`)
    known.promisedUntil = Math.max(known.promisedUntil, this.#locks.now + expiresInMs)
  }

  /** A fixed end is where the lock would have ended without it: what was promised until then is kept. */
  #checkEndings({ ending }: Standing): void {
    for (const { owner, name, expiresInMs } of ending) {
      const holder = this.#locks.lock(name).holders.get(owner)
      if (holder === undefined) continue
      const missingMs = promisedEndOf(holder) - this.#locks.now - expiresInMs
      if (missingMs <= SLACK_MS) continue
      this.#broken('promise', `${owner} loses ${name} ${Math.round(missingMs)} ms before its promised end`)
    }
  }

  #broken(rule: Parameters<LockWatch['broken']>[0], detail: string): void {
    this.#locks.broken(rule, detail)
  }
}
