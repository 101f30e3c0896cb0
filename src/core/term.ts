import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type Clock, elapsed, type Instant, instant } from './clock.ts'

/** How long a belief may last: `span` ms, counted from the moment before the request was sent. */
export interface Term {
  /** Before the request was sent, never when its reply arrived: the reply may have taken a while (safety rule 1). */
  readonly sentAt: Instant
  /** ms, with the margin already taken off. */
  readonly span: number
}

/** The part of a lease that is never believed, for clocks that run at different rates. */
const RATE_MARGIN = 0.02
/** ms of a lease that are never believed, for the time that it takes to run the abort. */
const ABORT_MARGIN_MS = 100

/**
 * The margin taken off a lease that has `expiresInMs` left: 2 % and 100 ms.
 *
 * Two clocks that are each off by a rate of at most 1 % differ by less than 2 % (1 − 0.99 / 1.01 = 1.98 %).
 */
export function margin(expiresInMs: number): number {
  return expiresInMs * RATE_MARGIN + ABORT_MARGIN_MS
}

/**
 * The term that a successful reply grants.
 *
 * @param sentAt before that request was sent.
 * @param expiresInMs what the server said was left when it made the reply.
 * @param waitedMs how long the server says that it parked that request: the grant is that much younger than the
 *   request, and 98 % of it are certain on our clock.
 */
export function termOf(sentAt: Instant, expiresInMs: number, waitedMs = 0): Term {
  return { sentAt, span: waitedMs * (1 - RATE_MARGIN) + expiresInMs - margin(expiresInMs) }
}

/** How many ms of `term` are certain from now on; 0 when it is over. */
export function remaining(term: Term, clock: Clock): number {
  return Math.max(0, left(term, clock))
}

/** As `remaining()`, but negative when it is over: since when. */
export function left(term: Term, clock: Clock): number {
  return term.span - elapsed(term.sentAt, instant(clock))
}

/** The term of a classic grant or heartbeat: nobody tells what was granted, so it is assumed. */
export function classicTerm(sentAt: Instant, leaseMs: number | null): Term {
  return termOf(sentAt, leaseMs ?? CLASSIC_LEASE_MS)
}
