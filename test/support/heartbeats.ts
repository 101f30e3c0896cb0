import { type Clock, instant } from '../../src/core/clock.ts'
import type { BeatingLock } from '../../src/core/heartbeat-host.ts'
import type { WireReply } from '../../src/core/ports.ts'
import { termOf } from '../../src/core/term.ts'

/** A lock with an owner, id `1`, that was granted just now. */
export function beatingLock(clock: Clock, leaseMs: number, more: Partial<BeatingLock> = {}): BeatingLock {
  return {
    kind: 'lock',
    id: '1',
    name: 'a',
    owner: 'owner',
    leaseMs: null,
    term: termOf(instant(clock), leaseMs),
    confirm: false,
    intervalMs: null,
    stallTimeoutMs: null,
    ...more,
  }
}

/** What an owned server answers to a heartbeat that it says yes to. */
export function renewedReply(leaseMs: number, ending?: string): WireReply {
  const body = { v: 2, response: true, fencing_token: 1, lease_ms: leaseMs, expires_in_ms: leaseMs, ending }
  return jsonReply(body)
}

/** As {@link renewedReply}, of a classic server. */
export function classicRenewedReply(): WireReply {
  return jsonReply({ response: true })
}

function jsonReply(body: object): WireReply {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(body), retryAfterMs: null }
}
