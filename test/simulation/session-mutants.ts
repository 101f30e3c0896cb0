import { elapsed, type Instant, instant } from '../../src/core/clock.ts'
import type { HeartbeatHost } from '../../src/core/heartbeat-host.ts'
import type { CommandsRequest, SessionEvent } from '../../src/protocol/session.ts'
import type { LockStore, SessionOutcome, Standing } from '../../src/server/store.ts'
import { Lock } from '../../src/server/stores/memory/lock.ts'
import { Session } from '../../src/server/stores/memory/session.ts'
import { SessionTable } from '../../src/server/stores/memory/session-table.ts'
import { type Waiter, WaitQueue } from '../../src/server/stores/memory/wait-queue.ts'
import { forwarded } from './forwarded-store.ts'
import type { Mutant } from './mutant.ts'
import { both, replaced } from './replaced.ts'
import type { ClientPorts, Tweaks } from './tweaks.ts'

const inSessions = { dialect: 'owned', hasSessions: true } as const

/** One for each rule of sessions. */
export const SESSION_MUTANTS: readonly Mutant[] = [
  { ...inSessions, name: 'seq is not looked at', rules: ['seq', 'zombie grant'], within: 300, tweaks: withoutSeq() },
  {
    ...inSessions,
    name: 'a claim becomes full by itself',
    rules: ['claim', 'confirmation', 'lost wake-up', 'session'],
    within: 1_000,
    tweaks: { store: confirmingAll },
  },
  {
    ...inSessions,
    name: 'claims are confirmed that nobody named',
    rules: ['confirmation'],
    within: 300,
    tweaks: {
      store: withStandings((standing) => {
        const claims = standing.claims.map(({ owner }) => owner)
        return { ...standing, confirmed: [...new Set([...standing.confirmed, ...claims])] }
      }),
    },
  },
  {
    ...inSessions,
    name: 'what has ended, or will, is told once',
    rules: ['mutual exclusion', 'history'],
    within: 300,
    tweaks: { store: tellingOnce },
  },
  {
    ...inSessions,
    name: 'a fixed end is not told',
    rules: ['mutual exclusion', 'promise'],
    within: 300,
    tweaks: { store: withStandings((standing) => ({ ...standing, ending: [] })) },
  },
  {
    ...inSessions,
    name: 'the end of a session keeps its places',
    rules: ['zombie grant', 'fifo', 'lost wake-up', 'quiescence'],
    within: 300,
    tweaks: { patch: keepingPlaces },
  },
  {
    ...inSessions,
    name: 'the end of a session keeps its locks',
    rules: ['lost wake-up', 'liveness', 'quiescence', 'fencing', 'claim'],
    within: 300,
    tweaks: { patch: keepingLocks },
  },
  {
    ...inSessions,
    name: 'an event counts from its arrival',
    rules: ['mutual exclusion', 'history', 'overlong belief'],
    within: 300,
    tweaks: { ports: countingFromEvents },
  },
  {
    ...inSessions,
    name: 'a stream renews its session',
    rules: ['session'],
    within: 300,
    tweaks: {
      store: (store) => ({
        ...forwarded(store),
        attendSession: async (step) => {
          await store.attendSession(step)
          return store.renewSession({ session: step.session, confirm: [] })
        },
      }),
    },
  },
  {
    ...inSessions,
    name: 'a session is told too much',
    rules: ['mutual exclusion', 'session', 'promise'],
    within: 300,
    tweaks: { store: withStandings((standing) => ({ ...standing, expiresInMs: standing.expiresInMs + 3_000 })) },
  },
  {
    ...inSessions,
    name: 'a session leaves no tombstone',
    rules: ['zombie session', 'zombie grant', 'session', 'seq'],
    within: 300,
    tweaks: { patch: () => replaced(SessionTable.prototype, 'endOf', () => () => null) },
  },
  {
    ...inSessions,
    name: 'who was not heard of keeps its turn',
    rules: ['fifo', 'lost wake-up'],
    within: 1_000,
    tweaks: { patch: alwaysLive },
  },
  {
    ...inSessions,
    name: 'who was not heard of loses its place',
    rules: ['fifo', 'lost wake-up'],
    within: 1_000,
    tweaks: { patch: losingPlaces },
  },
  {
    ...inSessions,
    name: 'a heartbeat shortens a session',
    rules: ['session', 'mutual exclusion', 'promise', 'lost wake-up', 'claim', 'confirmation'],
    within: 300,
    tweaks: { patch: shorteningSessions },
  },
  {
    ...inSessions,
    name: 'a lock of a session is renewed alone',
    rules: ['session'],
    within: 1_000,
    tweaks: { store: renewingAlone },
  },
  {
    ...inSessions,
    name: 'a session is renewed after its own deadline',
    rules: ['heartbeat without belief'],
    within: 300,
    tweaks: { host: beatingLate },
  },
  {
    ...inSessions,
    name: 'who is not there gets a full lease',
    rules: ['fifo', 'lost wake-up', 'session', 'confirmation'],
    within: 300,
    tweaks: { patch: fullForTheAbsent },
  },
]

/** The store with every standing that a renewal tells changed on its way. */
function withStandings(change: (standing: Standing) => Standing): (store: LockStore) => LockStore {
  const changed = <Outcome extends SessionOutcome>(outcome: Outcome): SessionOutcome =>
    outcome.kind === 'standing' ? change(outcome) : outcome
  return (store) => ({
    ...forwarded(store),
    execute: async (step) => {
      const outcome = await store.execute(step)
      return outcome.kind === 'executed' ? { ...outcome, standing: change(outcome.standing) } : outcome
    },
    renewSession: async (step) => changed(await store.renewSession(step)),
  })
}

function withoutSeq(): Tweaks {
  let seq = 0
  return {
    store: (store) => ({
      ...forwarded(store),
      execute: (step) => {
        seq += 1
        return store.execute({ ...step, seq })
      },
    }),
  }
}

/** Every renewal confirms what it finds, and does not say so. */
function confirmingAll(store: LockStore): LockStore {
  const renewSession: LockStore['renewSession'] = async (step) => {
    const before = await store.renewSession(step)
    if (before.kind !== 'standing' || before.claims.length === 0) return before
    await store.renewSession({ ...step, confirm: before.claims.map(({ owner }) => owner) })
    return before
  }
  return { ...forwarded(store), renewSession }
}

function tellingOnce(store: LockStore): LockStore {
  const told = new Set<string>()
  const isNew = (kind: string) => (each: { readonly owner: string }) => {
    const key = `${kind} ${each.owner}`
    const isFirst = !told.has(key)
    told.add(key)
    return isFirst
  }
  return withStandings((standing) => ({
    ...standing,
    ending: standing.ending.filter(isNew('ending')),
    ended: standing.ended.filter(isNew('ended')),
  }))(store)
}

function keepingPlaces(): () => void {
  let isDropping = false
  return both(
    replaced(
      Session.prototype,
      'drop',
      (drop) =>
        function (this: Session, reason, now) {
          isDropping = true
          const touched = drop.call(this, reason, now)
          isDropping = false
          // As it would go on by itself.
          this.liveUntil = Number.POSITIVE_INFINITY
          return touched
        },
    ),
    replaced(
      Lock.prototype,
      'giveUp',
      (giveUp) =>
        function (this: Lock, waiter, reason, now) {
          if (!isDropping) giveUp.call(this, waiter, reason, now)
        },
    ),
  )
}

function keepingLocks(): () => void {
  let isDropping = false
  return both(
    replaced(
      Session.prototype,
      'drop',
      (drop) =>
        function (this: Session, reason, now) {
          isDropping = true
          const touched = drop.call(this, reason, now)
          isDropping = false
          this.expiresAt += 60_000
          return touched
        },
    ),
    replaced(
      Lock.prototype,
      'end',
      (end) =>
        function (this: Lock, holder, reason, now) {
          if (!isDropping) end.call(this, holder, reason, now)
        },
    ),
  )
}

/** Adds to each grant that a stream tells what has passed since it was asked for. */
function countingFromEvents(ports: ClientPorts): ClientPorts {
  const askedAt = new Map<string, Instant>()
  const late = (data: string | null): string | null => {
    const event = data === null ? null : (JSON.parse(data) as SessionEvent)
    if (event?.type !== 'granted') return data
    const sentAt = askedAt.get(event.owner) ?? instant(ports)
    const passed = elapsed(sentAt, instant(ports)) - 0.98 * event.waited_ms
    return JSON.stringify({ ...event, expires_in_ms: event.expires_in_ms + passed / 0.98 })
  }
  return {
    ...ports,
    send: (request, options) => {
      const { commands = [] } = (request.body ?? {}) as Partial<CommandsRequest>
      for (const command of commands) {
        if (command.op === 'acquire' && !askedAt.has(command.owner)) askedAt.set(command.owner, instant(ports))
      }
      return ports.send(request, options)
    },
    openStream: (request, { signal, heard }) =>
      ports.openStream(request, { signal, heard: (data) => heard(late(data)) }),
  }
}

/** Once a session is open, its waiters count as alive for good. */
function alwaysLive(): () => void {
  return replaced(
    WaitQueue.prototype,
    'head',
    (head) =>
      function (this: WaitQueue, now) {
        return head.call(this, Math.min(now, Number.NEGATIVE_INFINITY))
      },
  )
}

/** The place of a waiter is given up when its session was not heard of, as that of one without a session. */
function losingPlaces(): () => void {
  return replaced(
    WaitQueue.prototype,
    'removeDead',
    (removeDead) =>
      function (this: WaitQueue, now): Waiter[] {
        const dead = removeDead.call(this, now)
        const silent: Waiter[] = []
        for (let at = this.size; at > 0; at -= 1) {
          const head = this.head(Number.NEGATIVE_INFINITY)
          if (head === null) break
          this.remove(head)
          silent.push(head)
        }
        for (const waiter of silent) {
          if (waiter.session === null || waiter.session.isLive(now)) this.add(waiter)
          else waiter.session.unqueued(waiter)
        }
        return dead
      },
  )
}

function shorteningSessions(): () => void {
  return replaced(
    SessionTable.prototype,
    'renew',
    (renew) =>
      function (this: SessionTable, session, now) {
        const { expiresAt } = session
        renew.call(this, session, now)
        // As if each renewal after the first asked for less.
        if (expiresAt > now) session.expiresAt = now + session.leaseMs / 2
      },
  )
}

/** The first term that a host is told is taken for much longer. */
function beatingLate(host: HeartbeatHost): HeartbeatHost {
  return {
    hold: ({ term, ...beating }) => {
      const intervalMs = beating.intervalMs ?? term.span / 3
      host.hold({ ...beating, intervalMs, term: { ...term, span: term.span + 600_000 } })
    },
    drop: (id) => host.drop(id),
    pause: (id, paused) => host.pause(id, paused),
    nudge: (all) => host.nudge(all),
    setAuthToken: (token) => host.setAuthToken(token),
    close: () => host.close(),
  }
}

/** Nobody is passed over, and what is granted to somebody who is not live is no claim. */
function fullForTheAbsent(): () => void {
  return both(
    alwaysLive(),
    replaced(
      Lock.prototype,
      'grant',
      (grant) =>
        function (this: Lock, grantee, now, { claim }) {
          const isThere = grantee.session?.isLive(now) ?? true
          return grant.call(this, grantee, now, { claim: claim && isThere })
        },
    ),
  )
}

/** The heartbeat of a single lock renews the session that it lives by. */
function renewingAlone(store: LockStore): LockStore {
  const sessions = new Map<string, string>()
  return {
    ...forwarded(store),
    execute: (step) => {
      for (const command of step.commands) if ('owner' in command) sessions.set(command.owner, step.session)
      return store.execute(step)
    },
    renew: async (steps) => {
      for (const { owner } of steps) {
        const session = sessions.get(owner ?? '')
        if (session !== undefined) await store.renewSession({ session, confirm: [] })
      }
      return store.renew(steps)
    },
  }
}
