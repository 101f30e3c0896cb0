import type { LockSnapshot } from '../store/index.ts'
import { personOf, place, timeOfDay } from './format.ts'
import type { Source, TracedEvent, TraceState } from './trace.ts'

/** What a row of the list is marked with: the phase of the lock, with what is wrong while it is held. */
export type RowStatus =
  | 'held'
  | 'late'
  | 'offline'
  | 'ending'
  | 'waiting'
  | 'blocked'
  | 'acquiring'
  | 'lost'
  | 'failed'
  | 'idle'

/** One lock of one client, as the list shows it. */
export interface Row {
  /** Unique in the panel: ids of locks are unique only within their client. */
  readonly key: string
  readonly source: Source
  readonly lock: LockSnapshot
  readonly status: RowStatus
}

/** The locks to list, in the order of their clients and of their first appearance. */
export function listRows(clients: TraceState['clients'], dismissed: ReadonlySet<string>): readonly Row[] {
  return clients.flatMap(({ source, locks: all }, index) => {
    const locks = [...all.values()]
    return locks
      .map((lock) => ({ key: `${index}:${lock.id}`, source, lock, status: statusOf(lock) }))
      .filter((row) => !isReplaced(row.lock, locks) && !dismissed.has(dismissal(row)))
  })
}

/** What is noted when a row is dismissed. It says how the lock ended, so that the row comes back when it is used again. */
export function dismissal({ key, lock }: Row): string {
  return `${key}:${lock.phase}:${lock.lease ?? ''}`
}

/** Whether a row can be dismissed: nothing goes on there any more. */
export function isOver({ lock }: Row): boolean {
  return lock.phase === 'lost' || lock.phase === 'failed' || lock.phase === 'idle'
}

/** A lock that ended is no longer listed when the client asks for its name again, be it with another `Lock`. */
function isReplaced(lock: LockSnapshot, locks: readonly LockSnapshot[]): boolean {
  if (lock.phase !== 'lost' && lock.phase !== 'failed' && lock.phase !== 'idle') return false
  const later = locks.slice(locks.indexOf(lock) + 1).filter(({ name }) => name === lock.name)
  if (lock.phase === 'lost') return later.some(({ phase }) => phase === 'held')
  return later.length > 0
}

/** What marks `lock` in the list. */
export function statusOf(lock: LockSnapshot): RowStatus {
  if (lock.phase === 'blocked') return lock.queued ? 'waiting' : 'blocked'
  if (lock.phase !== 'held') return lock.phase
  if (lock.health === 'late' || lock.health === 'offline') return lock.health
  return lock.ending ? 'ending' : 'held'
}

/** The second line of a row. Where time runs (`held`), the row shows a countdown in its place. */
export function summary({ lock }: Row): string {
  switch (lock.phase) {
    case 'blocked':
      return lock.queued ? `${place(lock.position)} · ${holderOf(lock)} holds` : `${holderOf(lock)} holds`
    case 'acquiring':
      return 'asking the server'
    case 'lost':
      return `${causeInWords(lock.loss?.cause)} · ${timeOfDay(lock.phaseSince)}`
    case 'failed':
      return lock.error?.message ?? 'not acquired'
    default:
      return lock.phase === 'idle' ? 'released' : ''
  }
}

/** Who holds the lock that `lock` waits for. */
export function holderOf(lock: LockSnapshot): string {
  return lock.holders.map(({ info }) => personOf(info)).join(', ') || 'somebody'
}

/** `taken-over` as `taken over`. */
export function causeInWords(cause: string | undefined): string {
  return (cause ?? 'unknown').replaceAll('-', ' ')
}

/** The events of one row, oldest first. */
export function eventsOf(row: Row, events: readonly TracedEvent[]): readonly TracedEvent[] {
  return events.filter(({ source, event }) => source === row.source && 'lock' in event && event.lock === row.lock.id)
}

/** Which row to show: the selected one, else one that was lost, else the one where something changed last. */
export function selectedRow(rows: readonly Row[], key: string | null): Row | undefined {
  const chosen = rows.find((row) => row.key === key) ?? rows.find(({ status }) => status === 'lost')
  return chosen ?? rows.toSorted((a, b) => b.lock.phaseSince - a.lock.phaseSince)[0]
}
