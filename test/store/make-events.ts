import type { EventBody, LockableEvent } from '../../src/index.ts'

/** Stamps events as a client does: one ms apart, from `wall` on. */
export function stamped(bodies: readonly EventBody[], wall = 1_000_000): LockableEvent[] {
  return bodies.map((body, index) => ({ v: 1, seq: index + 1, at: index, wall: wall + index, ...body }))
}

export const LOCK = { lock: '1', name: 'doc:42' } as const
export const LEASE = { ...LOCK, lease: '2' } as const

/** One event of each kind that tells of a lock, with what matters left to `extra`. */
export const event = {
  started: (extra: Partial<EventBody> = {}): EventBody =>
    ({ type: 'acquire.started', ...LOCK, mode: 'exclusive', blocking: true, steal: null, ...extra }) as EventBody,
  sent: (): EventBody => ({ type: 'acquire.sent', ...LOCK, attempt: 1 }),
  waiting: (position: number | null = 1, info = 'Alice'): EventBody => ({
    type: 'acquire.waiting',
    ...LOCK,
    position,
    holders: [{ info, mode: 'exclusive', since_ms: 5_000, expires_in_ms: 20_000 }],
  }),
  ended: (code: 'could-not-acquire' | 'timeout' | 'aborted', extra: Partial<EventBody> = {}): EventBody =>
    ({ type: 'acquire.ended', ...LOCK, error: { code, message: code }, holders: [], ...extra }) as EventBody,
  granted: (extra: Partial<EventBody> = {}): EventBody =>
    ({
      type: 'granted',
      ...LEASE,
      mode: 'exclusive',
      fencingToken: 7,
      leaseMs: 60_000,
      remainingMs: 58_700,
      waitedMs: 0,
      claim: false,
      ...extra,
    }) as EventBody,
  beat: (): EventBody => ({ type: 'heartbeat.ok', ...LEASE, rttMs: 3, remainingMs: 58_700 }),
  health: (health: 'ok' | 'late' | 'offline', lease = '2'): EventBody => ({
    type: 'health',
    ...LEASE,
    lease,
    health,
    remainingMs: 30_000,
  }),
  ending: (reason: 'stolen' | 'revoked' = 'stolen'): EventBody => ({
    type: 'ending',
    ...LEASE,
    reason,
    successor: 'Bob',
    remainingMs: 10_000,
  }),
  paused: (paused = true): EventBody => ({ type: paused ? 'heartbeat.paused' : 'heartbeat.resumed', ...LEASE }),
  lost: (extra: Partial<EventBody> = {}): EventBody =>
    ({
      type: 'lost',
      ...LEASE,
      loss: { cause: 'offline', sentence: 'The server could not be reached.', advice: 'Wait.', evidence: [] },
      ...extra,
    }) as EventBody,
  released: (lease = '2'): EventBody => ({ type: 'released', ...LEASE, lease }),
  status: (name: string, info: string | null): EventBody => ({
    type: 'status',
    name,
    state: info === null ? 'free' : 'held',
    holders: info === null ? [] : [{ info, mode: 'exclusive', since_ms: 5_000, expires_in_ms: 20_000 }],
    waiters: 0,
  }),
}
