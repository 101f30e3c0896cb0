import type { EventOf, LockableEvent } from '../index.ts'
import { foldConnection } from './fold-connection.ts'
import { foldLock } from './fold-lock.ts'
import { lockOf } from './select.ts'
import type { LockSnapshot, LockStoreState, StatusSnapshot } from './state.ts'

/** How many locks that are over are kept. */
const OVER_LIMIT = 100
/** How many names that are or were watched are kept. */
const STATUS_LIMIT = 500

/** What a client is before anything happened in it. */
export const initialState: LockStoreState = Object.freeze({
  locks: Object.freeze({}),
  statuses: Object.freeze({}),
  connection: Object.freeze({
    dialect: null,
    thread: null,
    threadReason: null,
    online: true,
    visible: true,
    closed: false,
  }),
})

/** The state after `event`: pure, and the same object if nothing changed (as with a heartbeat that went well). */
export function fold(state: LockStoreState, event: LockableEvent): LockStoreState {
  if (event.type === 'status') return { ...state, statuses: withStatus(state.statuses, event) }
  if ('lock' in event) {
    const before = lockOf(state, event.lock)
    const after = foldLock(before, event)
    return after === before ? state : { ...state, locks: withLock(state.locks, event.lock, after) }
  }
  const connection = foldConnection(state.connection, event)
  return connection === state.connection ? state : { ...state, connection }
}

function withLock(locks: LockStoreState['locks'], id: string, lock: LockSnapshot | undefined): LockStoreState['locks'] {
  if (lock !== undefined) return withoutOldest({ ...locks, [id]: lock }, overSince, OVER_LIMIT)
  const { [id]: _idle, ...others } = locks
  return others
}

/** Since when nothing goes on there any more, though it is still shown; `null` if something does. */
function overSince({ phase, queued, phaseSince }: LockSnapshot): number | null {
  return phase === 'lost' || phase === 'failed' || (phase === 'blocked' && !queued) ? phaseSince : null
}

function withStatus(statuses: LockStoreState['statuses'], event: EventOf<'status'>): LockStoreState['statuses'] {
  const { name, state, holders, waiters, wall } = event
  const status: StatusSnapshot = Object.freeze({ name, state, holders, waiters, seenAt: wall })
  return withoutOldest({ ...statuses, [name]: status }, ({ seenAt }) => seenAt, STATUS_LIMIT)
}

/** `record` without its oldest entry, if more than `limit` have an age. */
function withoutOldest<Entry>(
  record: Readonly<Record<string, Entry>>,
  age: (entry: Entry) => number | null,
  limit: number,
): Readonly<Record<string, Entry>> {
  let aged = 0
  let oldest = { key: '', age: Number.POSITIVE_INFINITY }
  for (const [key, entry] of Object.entries(record)) {
    const its = age(entry)
    if (its === null) continue
    aged += 1
    if (its < oldest.age) oldest = { key, age: its }
  }
  if (aged <= limit) return record
  const { [oldest.key]: _oldest, ...others } = record
  return others
}
