import type { EventBody, Lockable, LockableEvent } from '../../src/index.ts'

/** A client that only tells: events on demand, and how many listen. */
export interface FakeClient {
  readonly client: Lockable
  /** Lets something happen, `after` ms later than what happened before. */
  readonly emit: (body: EventBody, after?: number) => LockableEvent
  readonly listeners: () => number
  /** Calls of `pauseHeartbeats`. */
  readonly pauses: [lock: string, paused: boolean][]
}

/** 14:00:00 of the day, local time. */
export const START: number = new Date(2026, 10, 23, 14, 0, 0).getTime()

/** @param remaining ms that every held lock has left. */
export function fakeClient(remaining = 8000): FakeClient {
  const events: LockableEvent[] = []
  const listeners = new Set<(event: LockableEvent) => void>()
  const pauses: [string, boolean][] = []
  let at = 0
  const client = {
    subscribe: (listener: (event: LockableEvent) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    history: () => [...events],
    find: () => ({ peek: () => remaining, lease: { release: async () => true }, acquire: async () => {} }),
    pauseHeartbeats: (lock: string, paused: boolean) => pauses.push([lock, paused]),
  }
  return {
    client: client as unknown as Lockable,
    emit: (body, after = 10) => {
      at += after
      const event: LockableEvent = { v: 1, seq: events.length + 1, at, wall: START + at, ...body }
      events.push(event)
      for (const listener of [...listeners]) listener(event)
      return event
    },
    listeners: () => listeners.size,
    pauses,
  }
}

const ids = (lock: string, name: string) => ({ lock, name, lease: `${lock}-lease` })

/** The events of a life, with what tests do not look at filled in. */
export const happened = {
  started: (lock: string, name: string): EventBody => ({
    type: 'acquire.started',
    lock,
    name,
    mode: 'exclusive',
    blocking: true,
    steal: null,
  }),
  waiting: (lock: string, name: string, position: number | null = 1): EventBody => ({
    type: 'acquire.waiting',
    lock,
    name,
    position,
    holders: [{ info: { name: 'Alice' }, mode: 'exclusive', since_ms: 0, expires_in_ms: 9000 }],
  }),
  ended: (lock: string, name: string, message = 'It was given up.'): EventBody => ({
    type: 'acquire.ended',
    lock,
    name,
    error: { code: 'timeout', message },
    holders: [],
  }),
  granted: (lock: string, name: string): EventBody => ({
    type: 'granted',
    ...ids(lock, name),
    mode: 'exclusive',
    fencingToken: 41,
    leaseMs: 12_000,
    remainingMs: 11_660,
    waitedMs: 0,
    claim: false,
  }),
  sent: (lock: string, name: string): EventBody => ({ type: 'heartbeat.sent', ...ids(lock, name) }),
  renewed: (lock: string, name: string): EventBody => ({
    type: 'heartbeat.ok',
    ...ids(lock, name),
    rttMs: 12,
    remainingMs: 11_648,
  }),
  failed: (lock: string, name: string, message = 'No answer.'): EventBody => ({
    type: 'heartbeat.failed',
    ...ids(lock, name),
    error: { code: 'network', message },
    remainingMs: 7400,
  }),
  health: (lock: string, name: string, health: 'ok' | 'late' | 'offline'): EventBody => ({
    type: 'health',
    ...ids(lock, name),
    health,
    remainingMs: 7400,
  }),
  ending: (lock: string, name: string): EventBody => ({
    type: 'ending',
    ...ids(lock, name),
    reason: 'stolen',
    successor: { name: 'Bob' },
    remainingMs: 8000,
  }),
  paused: (lock: string, name: string): EventBody => ({ type: 'heartbeat.paused', ...ids(lock, name) }),
  resumed: (lock: string, name: string): EventBody => ({ type: 'heartbeat.resumed', ...ids(lock, name) }),
  lost: (lock: string, name: string): EventBody => ({
    type: 'lost',
    ...ids(lock, name),
    loss: { cause: 'taken-over', sentence: 'Bob took over.', advice: 'Ask Bob.', evidence: [] },
  }),
  released: (lock: string, name: string): EventBody => ({ type: 'released', ...ids(lock, name) }),
} as const
