import type { ServerClock } from '../clock.ts'
import { ProblemError } from '../http/problem-error.ts'
import type { Access } from './access.ts'
import { neighbourhoodOf } from './address.ts'
import type { Caller } from './authenticate.ts'
import { type Rate, RateLimiter } from './rate-limiter.ts'

/**
 * How often tokens and strangers may ask. Each of an acquire, a query, a status and a stream is one; opening a session is ten.
 * Heartbeats and releases are bounded by `flood` alone.
 */
export interface Rates {
  /** A token. Default 20,000 a second, 40,000 at once: twice what 1,000 classic clients ask that poll ten times a second. */
  readonly token: Rate
  /** The subject of capabilities, which is one user. Default 100 a second, 2,000 at once. */
  readonly capability: Rate
  /** Unknown credentials from one address. Default 1 a second, 30 at once. */
  readonly failures: Rate
  /** All heartbeats and releases of a token, or without one of an address. Default 100,000 a second and at once. */
  readonly flood: Rate
}

export const DEFAULT_RATES: Rates = {
  token: { perSecond: 20_000, burst: 40_000 },
  capability: { perSecond: 100, burst: 2_000 },
  failures: { perSecond: 1, burst: 30 },
  flood: { perSecond: 100_000, burst: 100_000 },
}

/** What opening a session costs: each is kept for a lease, and a namespace has room for 10,000. */
export const OPENING_COST = 10

/** Counts what strangers do. An open server, which knows no subject, bounds no acquires. */
export class Limiters {
  readonly #token: RateLimiter
  readonly #capability: RateLimiter
  readonly #failures: RateLimiter
  readonly #flood: RateLimiter

  constructor(clock: ServerClock, rates: Rates) {
    this.#token = new RateLimiter(clock, rates.token)
    this.#capability = new RateLimiter(clock, rates.capability)
    this.#failures = new RateLimiter(clock, rates.failures)
    this.#flood = new RateLimiter(clock, rates.flood)
  }

  /** Counts something that is asked for. Throws the problem `too-many-requests`. */
  ask({ subject }: Access, cost: number = 1): void {
    if (subject === null) return
    const limiter = subject.startsWith('capability:') ? this.#capability : this.#token
    refuse(limiter.take(subject, cost), 'This token asks for more than it may')
  }

  /** Counts a heartbeat, a release, or what else must not be refused lightly. Throws the problem `too-many-requests`. */
  keep(caller: Caller, access: Access | null): void {
    const key = access?.subject ?? addressIn(caller)
    if (key !== undefined) refuse(this.#flood.take(key), 'This is a flood')
  }

  /** Counts unknown credentials. Throws the problem `too-many-requests` for those that are too many. */
  failed(caller: Caller): void {
    const address = addressIn(caller)
    if (address !== undefined) refuse(this.#failures.take(address), 'Too many unknown tokens came from this address')
  }
}

function addressIn({ remoteAddress }: Caller): string | undefined {
  return remoteAddress === undefined ? undefined : neighbourhoodOf(remoteAddress)
}

function refuse(waitMs: number, what: string): void {
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / 1000)
  throw new ProblemError('too-many-requests', `${what}: try again in ${seconds} s.`, { 'Retry-After': String(seconds) })
}
