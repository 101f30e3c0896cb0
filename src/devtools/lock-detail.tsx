import type { ReactElement } from 'react'
import { countdown, personOf, place, setting, timeOfDay } from './format.ts'
import { Icon, StatusChip } from './icons.tsx'
import { LockActions } from './lock-actions.tsx'
import { LossCard } from './loss-card.tsx'
import { useNow } from './panel-context.ts'
import { heartbeatProblems } from './problems.ts'
import { causeInWords, eventsOf, holderOf, type Row } from './rows.ts'
import type { TracedEvent } from './trace.ts'

/** All that is known of the selected lock, and what can be done to it. */
export function LockDetail({ row, events }: { row: Row; events: readonly TracedEvent[] }): ReactElement {
  const { lock, source } = row
  const own = eventsOf(row, events)
  return (
    <section className="detail" aria-label={`Lock ${lock.name}`}>
      <div className="detail-head">
        <h2 className="detail-name">{lock.name}</h2>
        <StatusChip status={row.status} />
        {source.label && <span className="chip">{source.label}</span>}
      </div>
      <LockActions row={row} />
      {lock.phase === 'lost' && lock.loss && <LossCard name={lock.name} loss={lock.loss} />}
      {lock.phase === 'failed' && <FailedCard row={row} />}
      {lock.phase === 'blocked' && <BlockedCard row={row} />}
      {lock.phase === 'held' && lock.ending && <EndingCard row={row} ending={lock.ending} />}
      {lock.phase === 'held' && lock.health !== 'ok' && !lock.ending && <LateCard row={row} />}
      <Facts row={row} />
      <HeartbeatProblems events={own} />
      {lock.phase !== 'lost' && <FormerLoss events={own} />}
    </section>
  )
}

function FailedCard({ row: { lock } }: { row: Row }): ReactElement {
  return (
    <div className="card" data-tone="warn">
      <h3>Not acquired</h3>
      <p>{lock.error?.message ?? 'No reason is known.'}</p>
    </div>
  )
}

function BlockedCard({ row: { lock } }: { row: Row }): ReactElement {
  return (
    <div className="card" data-tone="info">
      <h3>{holderOf(lock)} holds it</h3>
      <p>{lock.queued ? `This one is ${place(lock.position)}.` : 'This one does not wait for it.'}</p>
    </div>
  )
}

function EndingCard({ row, ending }: { row: Row; ending: { reason: string; successor: unknown } }): ReactElement {
  useNow(true)
  const left = countdown(row.source.client.find(row.lock.id)?.peek() ?? 0)
  const next = personOf(row.lock.ending?.successor)
  return (
    <div className="card" data-tone="warn">
      <h3>{ending.reason === 'stolen' ? `${next} takes over in ${left}` : `Revoked: ends in ${left}`}</h3>
      <p>The end is fixed: heartbeats no longer extend the lease. Release it to hand over at once.</p>
    </div>
  )
}

function LateCard({ row }: { row: Row }): ReactElement {
  useNow(true)
  const left = countdown(row.source.client.find(row.lock.id)?.peek() ?? 0)
  return (
    <div className="card" data-tone="warn">
      <h3>Lost in {left} unless a heartbeat succeeds</h3>
      <p>{row.lock.health === 'offline' ? 'The network is away.' : 'The last heartbeat failed or is overdue.'}</p>
    </div>
  )
}

function Facts({ row: { lock } }: { row: Row }): ReactElement | null {
  const facts: [string, string][] = []
  if (lock.fencingToken !== null) facts.push(['Fencing token', String(lock.fencingToken)])
  if (lock.leaseMs !== null) facts.push(['Lease', setting(lock.leaseMs)])
  if (lock.heldSince !== null)
    facts.push([lock.phase === 'held' ? 'Held since' : 'Was held from', timeOfDay(lock.heldSince)])
  if (lock.mode === 'shared') facts.push(['Mode', 'shared'])
  if (facts.length === 0) return null
  return (
    <dl className="facts">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Heartbeats of this lock that failed: each is survived as long as one more succeeds in time. */
function HeartbeatProblems({ events }: { events: readonly TracedEvent[] }): ReactElement | null {
  const problems = heartbeatProblems(events)
  if (problems.length === 0) return null
  return (
    <div className="problems">
      <h3>
        <Icon name="fault" /> {problems.length === 1 ? '1 heartbeat failed' : `${problems.length} heartbeats failed`}
      </h3>
      <ol>
        {problems.slice(-5).map(({ key, wall, text }) => (
          <li key={key}>
            <time>{timeOfDay(wall)}</time> {text}
          </li>
        ))}
      </ol>
    </div>
  )
}

/** Why it was lost last time, though it was asked for again since: a job that re-acquires by itself must not hide it. */
function FormerLoss({ events }: { events: readonly TracedEvent[] }): ReactElement | null {
  const lost = events.map(({ event }) => event).findLast((event) => event.type === 'lost')
  if (!lost) return null
  return (
    <details className="former">
      <summary>
        Lost at {timeOfDay(lost.wall)}: {causeInWords(lost.loss.cause)}
      </summary>
      <LossCard name={lost.name} loss={lost.loss} />
    </details>
  )
}
