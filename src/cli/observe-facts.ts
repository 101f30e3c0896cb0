import { createHash } from 'node:crypto'
import { decodeName } from '../protocol/names.ts'
import type { Observer, RequestFact, StepFact } from '../server/observe/facts.ts'
import { type LockFact, StoreUnavailableError } from '../server/store.ts'
import type { LogNames } from './observe-flags.ts'
import type { Log, LogMembers } from './observe-log.ts'

/** A store that does not answer is logged at most so often, in ms: there may be thousands of steps a second. */
const STORE_FAILURE_MS = 10_000

export interface FactLogOptions {
  readonly log: Log
  readonly names: LogNames
  /** Monotonic ms. */
  readonly now: () => number
}

/** Logs what happens: requests and what becomes of locks for `debug`, a store that does not answer as an error. */
export function logFacts({ log, names, now }: FactLogOptions): Observer {
  const called = (name: string) => nameIn(names, name)
  const storeFailed = storeFailures(log, now)
  return (fact) => {
    switch (fact.kind) {
      case 'store-step':
        return storeFailed(fact)
      case 'request':
        return log.isDebug ? logRequest(log, fact, called) : undefined
      case 'granted':
      case 'ended':
        return log.isDebug ? logLock(log, fact, called) : undefined
      default:
        return undefined
    }
  }
}

function logRequest(log: Log, fact: RequestFact, called: (name: string) => LogMembers): void {
  const { method, route, status, ms, rest } = fact
  const name = rest === null ? null : decodeName(rest)
  log.debug('request', { method, route, ...(name !== null && called(name)), status, ms: Math.round(ms * 10) / 10 })
}

function logLock(log: Log, fact: LockFact, called: (name: string) => LogMembers): void {
  const { namespace, name } = fact
  const lock = { ...(namespace !== '' && { namespace }), ...called(name) }
  if (fact.kind === 'granted') {
    const { mode, claim, waitedMs } = fact
    return log.debug('lock granted', { ...lock, mode, fromQueue: claim, waitedMs: Math.round(waitedMs) })
  }
  const { reason, claim, heldMs } = fact
  log.debug('lock ended', { ...lock, reason, unconfirmed: claim, heldMs: Math.round(heldMs) })
}

function storeFailures(log: Log, now: () => number): (fact: StepFact) => void {
  let failed = 0
  let loggedAt = Number.NEGATIVE_INFINITY
  return ({ operation, error }) => {
    // What else is thrown is an error of the server's own, and logged with its request.
    if (!(error instanceof StoreUnavailableError)) return
    failed += 1
    if (now() - loggedAt < STORE_FAILURE_MS) return
    log.error('the store did not answer; clients were told to ask again.', { operation, steps: failed, error })
    failed = 0
    loggedAt = now()
  }
}

function nameIn(names: LogNames, name: string): LogMembers {
  if (names === 'none') return {}
  if (names === 'plain') return { lock: name }
  return { lock: `sha256:${createHash('sha256').update(name).digest('hex').slice(0, 16)}` }
}
