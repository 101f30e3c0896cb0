import type { HolderView, LockableEvent } from '../index.ts'
import type { LockSnapshot } from './state.ts'

/** An event of one lock. */
export type LockEvent = Extract<LockableEvent, { readonly lock: string }>

/**
 * What `lock` is after `event`: the same object if nothing changed that a screen shows, `undefined` when it is idle.
 *
 * An event of a lock that was never seen to begin is ignored, since a history that begins in the middle may hold some
 * of a lock that is long over; so is an event of a lease that is not the current one.
 */
export function foldLock(lock: LockSnapshot | undefined, event: LockEvent): LockSnapshot | undefined {
  switch (event.type) {
    case 'acquire.started':
      return begun(event)
    case 'granted':
      return granted(event)
    case 'acquire.waiting':
      return lock && waiting(lock, event)
    case 'acquire.ended':
      return lock && ended(lock, event)
    case 'health':
    case 'ending':
    case 'heartbeat.paused':
    case 'heartbeat.resumed':
    case 'lost':
      return lock?.phase === 'held' && lock.lease === event.lease ? foldHeld(lock, event) : lock
    case 'released':
      return lock?.lease === event.lease ? undefined : lock
    default:
      return lock
  }
}

type Of<Type extends LockEvent['type']> = Extract<LockEvent, { readonly type: Type }>
type HeldEvent = Of<'health'> | Of<'ending'> | Of<'lost'> | Of<'heartbeat.paused' | 'heartbeat.resumed'>

const NOTHING_KNOWN = {
  queued: false,
  position: null,
  holders: [],
  holdersAt: null,
  health: null,
  lease: null,
  fencingToken: null,
  leaseMs: null,
  heldSince: null,
  ending: null,
  paused: false,
  loss: null,
  error: null,
} as const satisfies Partial<LockSnapshot>

function begun({ lock, name, mode, wall }: Of<'acquire.started'>): LockSnapshot {
  return Object.freeze({ ...NOTHING_KNOWN, id: lock, name, mode, phase: 'acquiring', phaseSince: wall })
}

function granted({ lock, name, mode, lease, fencingToken, leaseMs, wall }: Of<'granted'>): LockSnapshot {
  const held = { phase: 'held', phaseSince: wall, heldSince: wall, health: 'ok', lease, fencingToken, leaseMs } as const
  return Object.freeze({ ...NOTHING_KNOWN, id: lock, name, mode, ...held })
}

function waiting(lock: LockSnapshot, { position, holders, wall }: Of<'acquire.waiting'>): LockSnapshot {
  const phaseSince = lock.phase === 'blocked' ? lock.phaseSince : wall
  return changed(lock, { phase: 'blocked', phaseSince, queued: true, position, ...seen(holders, wall) })
}

function ended(lock: LockSnapshot, { error, holders, wall }: Of<'acquire.ended'>): LockSnapshot | undefined {
  // The reason of the caller's own signal: it gave up, and nothing failed.
  if (error.code === 'aborted') return undefined
  const phase = error.code === 'could-not-acquire' ? 'blocked' : 'failed'
  return changed(lock, { phase, phaseSince: wall, queued: false, position: null, error, ...seen(holders, wall) })
}

function foldHeld(lock: LockSnapshot, event: HeldEvent): LockSnapshot {
  switch (event.type) {
    case 'health':
      return changed(lock, { health: event.health })
    case 'ending':
      // Every heartbeat from then on says it again, and the end does not move.
      if (lock.ending?.reason === event.reason) return lock
      return changed(lock, {
        ending: { reason: event.reason, successor: event.successor, endsAt: event.wall + event.remainingMs },
      })
    case 'lost':
      return changed(lock, { phase: 'lost', phaseSince: event.wall, health: null, loss: event.loss })
    default:
      return changed(lock, { paused: event.type === 'heartbeat.paused' })
  }
}

function seen(holders: readonly HolderView[], wall: number): Pick<LockSnapshot, 'holders' | 'holdersAt'> {
  return { holders, holdersAt: wall }
}

function changed(lock: LockSnapshot, change: Partial<LockSnapshot>): LockSnapshot {
  const keys = Object.keys(change) as (keyof LockSnapshot)[]
  return keys.every((key) => Object.is(lock[key], change[key])) ? lock : Object.freeze({ ...lock, ...change })
}
