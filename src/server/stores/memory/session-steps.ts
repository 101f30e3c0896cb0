import type {
  AttendSessionStep,
  CommandOutcome,
  ExecuteOutcome,
  ExecuteStep,
  Full,
  LockState,
  Principal,
  ReleaseOutcome,
  RenewSessionStep,
  SessionGone,
  SessionOutcome,
  StoreCommand,
} from '../../store.ts'
import { TICKET_MS } from '../../timing.ts'
import { acquire } from './acquire.ts'
import type { Lock } from './lock.ts'
import { query } from './query.ts'
import { release } from './release.ts'
import type { Session } from './session.ts'
import type { SessionTable } from './session-table.ts'
import type { Space } from './space.ts'

/** What steps about sessions work with. All of them come after {@link lapse}. */
export interface SessionContext {
  readonly table: SessionTable
  readonly spaceOf: (namespace: string) => Space
  /** Brings the lock of that name up to the present, lets `act` work on it, and sees to what follows. */
  readonly look: <Outcome>(space: Space, name: string, now: number, act: (lock: Lock) => Outcome) => Outcome
}

/** Ends the sessions whose lease has run out. */
export function lapse(context: SessionContext, now: number): void {
  const lapsed = context.table.buryLapsed(now)
  // All of them before anything is handed over, or one would be granted what another one leaves.
  const touched = lapsed.map((session) => ({ session, locks: session.drop('expired', now) }))
  for (const { session, locks } of touched) lookAt(context, session, locks, now)
}

export function execute(context: SessionContext, step: ExecuteStep, now: number): ExecuteOutcome {
  const session = findOrOpen(context, step, now)
  if ('kind' in session) return session
  if (step.seq <= session.seq) return { kind: 'seq-spent', highest: session.seq }
  context.table.attempt(session, step.seq)
  refresh(context, session, step.confirm, now)
  const outcomes = step.commands.map((command) => carryOut(context, session, step.principal, command, now))
  return { kind: 'executed', standing: session.standing(step.confirm, now), outcomes }
}

export function renewSession(context: SessionContext, step: RenewSessionStep, now: number): SessionOutcome {
  const session = context.table.find(step.session)
  if (session === null) return gone(context, step.session, now)
  refresh(context, session, step.confirm, now)
  return session.standing(step.confirm, now)
}

export function attendSession(context: SessionContext, step: AttendSessionStep, now: number): SessionOutcome {
  const session = context.table.find(step.session)
  if (session === null) return gone(context, step.session, now)
  const liveUntil = now + step.attachMs + TICKET_MS
  setLive(context, session, step.attachMs === 0 ? liveUntil : Math.max(session.liveUntil, liveUntil), now)
  lookAt(context, session, session.overdue(now), now)
  return session.standing([], now)
}

export function endSession(context: SessionContext, id: string, now: number): ReleaseOutcome {
  const { table } = context
  const session = table.find(id)
  if (session === null) {
    const end = table.endOf(id, now)
    // What opens it may still be on its way.
    if (end === null) table.bury(id, 'unknown', now)
    return end === 'released' ? { kind: 'released' } : { kind: 'ended', reason: end ?? 'unknown' }
  }
  table.bury(id, 'released', now)
  lookAt(context, session, session.drop('released', now), now)
  return { kind: 'released' }
}

function findOrOpen(context: SessionContext, step: ExecuteStep, now: number): Session | SessionGone | Full {
  const { table, spaceOf } = context
  const space = spaceOf(step.namespace)
  const session = table.find(step.session)
  if (session !== null) return session.space === space ? session : { kind: 'session-gone', reason: 'unknown' }
  const end = table.endOf(step.session, now)
  if (end !== null || step.open === null) return { kind: 'session-gone', reason: end ?? 'unknown' }
  const { sessions } = space.limits
  if (table.countOf(space) >= sessions) return { kind: 'full', limit: 'sessions', most: sessions }
  return table.open(step.session, space, step.open.leaseMs, step.open.info, now)
}

function gone({ table }: SessionContext, id: string, now: number): SessionGone {
  return { kind: 'session-gone', reason: table.endOf(id, now) ?? 'unknown' }
}

/** What commands and heartbeats do first: they renew, say that the client is there, and confirm. */
function refresh(context: SessionContext, session: Session, confirm: readonly string[], now: number): void {
  context.table.renew(session, now)
  session.fixBounded()
  setLive(context, session, Math.max(session.liveUntil, now + TICKET_MS), now)
  lookAt(context, session, session.overdue(now), now)
  for (const owner of confirm) session.confirm(owner)
}

/**
 * Lets the waiters of a session count as alive until `liveUntil`. Where they were passed over they may be next now, and
 * where it is earlier than before those behind them may be let through earlier.
 */
function setLive(context: SessionContext, session: Session, liveUntil: number, now: number): void {
  const matters = !session.isLive(now) || liveUntil < session.liveUntil
  session.liveUntil = liveUntil
  if (matters) lookAt(context, session, session.awaited(), now)
}

function lookAt({ look }: SessionContext, { space }: Session, locks: Iterable<Lock>, now: number): void {
  for (const { name } of locks) look(space, name, now, () => undefined)
}

/** How a lock stands at present; `null`: nobody holds or waits. */
export function stateOf({ look }: SessionContext, space: Space, name: string, now: number): LockState | null {
  return look(space, name, now, (lock) => (lock.isIdle ? null : lock.state(now)))
}

function carryOut(
  context: SessionContext,
  session: Session,
  principal: Principal,
  command: StoreCommand,
  now: number,
): CommandOutcome {
  const { look } = context
  const { space } = session
  switch (command.op) {
    case 'acquire':
      return acquireIn(context, session, { ...command, principal }, now)
    case 'release': {
      const { name, owner } = command
      const ref = { namespace: space.namespace, name, owner }
      return look(space, name, now, (lock) => release(space, lock, ref, now))
    }
    case 'query':
      return query(space, command.prefix, (name) => stateOf(context, space, name, now))
    case 'sync':
      return { kind: 'synced', holds: session.holds(), waits: session.waits() }
  }
}

type AcquireCommand = Extract<StoreCommand, { op: 'acquire' }> & { readonly principal: Principal }

function acquireIn(
  { look }: SessionContext,
  session: Session,
  { op: _, ...command }: AcquireCommand,
  now: number,
): CommandOutcome {
  const { space, leaseMs } = session
  const { name, owner } = command
  const used = session.nameOf(owner)
  if (used !== null && used !== name) return { kind: 'conflict', member: 'name' }
  const info = command.info ?? session.info
  // Its place does not hang on a poll, so any wait will do.
  const step = { ...command, namespace: space.namespace, info, leaseMs, waitMs: 1, session }
  return look(space, name, now, (lock) => acquire(space, lock, step, now))
}
