import type { ServerClock } from '../clock.ts'
import { ProblemError } from '../http/problem-error.ts'
import type { Access } from './access.ts'
import { neighbourhoodOf } from './address.ts'
import type { Caller } from './authenticate.ts'
import { type Rate, RateLimiter } from './rate-limiter.ts'

/**
 * How often a stranger may ask. Each of an acquire, a query, a status and a stream is one; opening a session is ten.
 * Heartbeats and releases are bounded by `flood` alone.
 */
export interface Rates {
  /** A token. Default 1,000 a second, 5,000 at once: a hundred classic clients, each of which polls ten times a second. */
  readonly token: Rate
  /** The subject of capabilities, which is one user. Default 100 a second, 2,000 at once. */
  readonly capability: Rate
  /** Unknown credentials from one address. Default 1 a second, 30 at once. */
  readonly failures: Rate
  /** All heartbeats and releases of a token, or without one of an address. Default 5,000 a second, 20,000 at once. */
  readonly flood: Rate
}

export const DEFAULT_RATES: Rates = {
  token: { perSecond: 1_000, burst: 5_000 },
  capability: { perSecond: 100, burst: 2_000 },
  failures: { perSecond: 1, burst: 30 },
  flood: { perSecond: 5_000, burst: 20_000 },
}

/** What opening a session costs: each is kept for a lease, and a namespace has room for 10,000. */
export const OPENING_COST = 10

/** A holder whose address is shared with somebody who tries tokens is heard so much longer. */
const KEEPING_FACTOR = 100

/** Counts what strangers do. An open server, which knows no subject, bounds no acquires. */
export class Limiters {
  readonly #token: RateLimiter
  readonly #capability: RateLimiter
  readonly #failures: RateLimiter
  readonly #keepingFailures: RateLimiter
  readonly #flood: RateLimiter

  constructor(clock: ServerClock, rates: Rates) {
    const { failures } = rates
    this.#token = new RateLimiter(clock, rates.token)
    this.#capability = new RateLimiter(clock, rates.capability)
    this.#failures = new RateLimiter(clock, failures)
    this.#keepingFailures = new RateLimiter(clock, { ...failures, burst: failures.burst * KEEPING_FACTOR })
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

  /** Refuses an address from which too many unknown credentials came. Throws the problem `too-many-requests`. */
  checkFailures(caller: Caller, isKeeping: boolean): void {
    const address = addressIn(caller)
    if (address === undefined) return
    const limiter = isKeeping ? this.#keepingFailures : this.#failures
    refuse(limiter.wait(address), 'Too many unknown tokens came from this address')
  }

  /** Counts unknown credentials. */
  failed(caller: Caller): void {
    const address = addressIn(caller)
    if (address === undefined) return
    this.#failures.take(address)
    this.#keepingFailures.take(address)
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
