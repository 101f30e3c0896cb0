import type { LockMode } from '../../src/protocol/wire.ts'

/** What the protocol promises, in ms. Written out here, since the product's own numbers may be wrong. */
export const CLAIM_MS = 5_000
export const TICKET_MS = 5_000
/** Rounding, and timers that are a little early. */
export const SLACK_MS = 2

/** A session as its client may count on it. */
export interface WatchedSession {
  readonly id: string
  readonly epoch: number
  /** The highest of all attempts that were carried out. */
  seq: number
  /** What its client was told that it will last at least. */
  promisedUntil: number
  /** Its waiters are alive until then, as far as is known. */
  liveUntil: number
  /** Since when they have been, without a break. */
  liveSince: number
  /** It was ended, or the store said that it is over. */
  isOver: boolean
  /** How much later than promised it may end, in ms. */
  readonly slackMs: number
}

export interface WatchedHolder {
  readonly token: number
  readonly mode: LockMode
  /** Whose request it was, if that is known. */
  readonly sender: string | null
  /** Whose lease it lives by, unless it is a claim or its end is fixed. */
  readonly session: WatchedSession | null
  /** When it was granted, as far as is known. */
  readonly grantedAt: number
  isClaim: boolean
  isEnding: boolean
  /** The latest that it can end, unless it is renewed. */
  until: number
  /** What its client was told that it will last at least. */
  promisedUntil: number
}

export interface WatchedWaiter {
  readonly since: number
  readonly mode: LockMode
  readonly steals: boolean
  readonly session: WatchedSession | null
  /** Without a session: until when it is alive. */
  liveUntil: number
}

export interface WatchedLock {
  readonly holders: Map<string | null, WatchedHolder>
  /** In the order of their arrival. */
  readonly waiters: Map<string, WatchedWaiter>
  freeSince: number
}

/** The latest that a session can end, unless it is renewed. */
export function sessionEnd({ promisedUntil, slackMs }: WatchedSession): number {
  return promisedUntil + slackMs
}

/** The latest that a holder can end, unless it is renewed. */
export function endOf({ session, isClaim, isEnding, until }: WatchedHolder): number {
  if (session === null) return until
  return isClaim || isEnding ? Math.min(until, sessionEnd(session)) : sessionEnd(session)
}

/** Before that nobody else may have what this one holds. */
export function promisedEndOf({ session, isClaim, isEnding, promisedUntil }: WatchedHolder): number {
  return session === null || isClaim || isEnding ? promisedUntil : session.promisedUntil
}

/** Until when a waiter is alive for certain. */
export function lifeOf({ session, liveUntil }: WatchedWaiter): number {
  return session === null ? liveUntil : Math.min(session.liveUntil, session.promisedUntil)
}

/** Whether two in these modes exclude each other. */
export function isRival(one: LockMode, other: LockMode): boolean {
  return one === 'exclusive' || other === 'exclusive'
}
