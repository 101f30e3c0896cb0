import type { CommandResult, CommandsReply, SessionEvent, SessionStanding } from '../protocol/session.ts'
import type { ReleaseReply } from '../protocol/wire.ts'
import { type Access, boundLease, checkGood } from './auth/access.ts'
import { type Limiters, OPENING_COST } from './auth/limits.ts'
import { principalOf } from './auth/principal.ts'
import type { ServerClock } from './clock.ts'
import { ProblemError } from './http/problem-error.ts'
import type { Observer } from './observe/facts.ts'
import { conceal } from './owned/conceal.ts'
import { mayRelease } from './owned/may-release.ts'
import type { Parking } from './owned/parking.ts'
import { acquireProblem, releaseReply, shutdownReply } from './owned/replies.ts'
import { type LeaseRange, readBody } from './owned/schemas.ts'
import { checkCommand, isAsking, ownerOf, readCommand } from './sessions/commands.ts'
import { commandResult, problemResult, seqSpent, sessionUnknown, standingReply } from './sessions/replies.ts'
import { type CommandsBody, createSessionSchemas } from './sessions/schemas.ts'
import { runStream } from './sessions/stream.ts'
import type { ExecuteOutcome, LockStore, StoreCommand } from './store.ts'
import { Hints } from './watch/hints.ts'
import type { StreamEnd, Tell } from './watch/rounds.ts'

/** What requests about sessions work with. */
export interface SessionsContext {
  readonly store: LockStore
  readonly clock: ServerClock
  readonly parking: Parking
  readonly lease: LeaseRange & { readonly defaultMs: number }
  readonly limiters: Limiters
  readonly observe: Observer
}

/**
 * Requests about sessions, with their parsed bodies and without HTTP. Whoever presents a session's secret may renew,
 * follow and end it; only `commands` needs to know who is asking, and lapsed credentials are enough to release by.
 *
 * All of them throw the problem `bad-request`, and {@link Sessions.commands} and {@link Sessions.heartbeat}
 * `session-unknown`.
 */
export interface Sessions {
  /**
   * `POST /v1/session/commands`. Throws `seq-spent`, `too-many-requests` for a session more than there may be, and
   * `unauthenticated` if something new is asked for with lapsed credentials: nothing is carried out then.
   */
  commands(access: Access, body: unknown): Promise<CommandsReply>
  /** `POST /v1/session/heartbeat` */
  heartbeat(body: unknown): Promise<SessionStanding>
  /** `POST /v1/session/release` */
  release(body: unknown): Promise<ReleaseReply>
  /** `POST /v1/session/stream`. Resolves when it ends; rejects before anything is told if the body is wrong. */
  stream(body: unknown, tell: Tell<SessionEvent>, signal: AbortSignal): Promise<StreamEnd>
}

/** A query looks at every lock of the namespace, and nothing else runs meanwhile. */
const MOST_QUERIES = 1

/** A command that will be carried out, or what is answered instead. */
type Read = { readonly command: StoreCommand } | { readonly result: CommandResult }

/** The dialect with sessions: many locks with one lease. */
export function createSessions(context: SessionsContext): Sessions {
  const { store, lease, parking, limiters } = context
  const schemas = createSessionSchemas(lease)
  const streamContext = { ...context, hints: new Hints(store, ({ session }) => session) }
  return {
    async commands(access, body) {
      const { namespace } = access
      const asked = readBody(schemas.commands, body)
      const { session, seq, confirm } = asked
      if (asked.commands.some(isAsking)) checkGood(access)
      const open = access.lapse === null ? openStep(asked, access, lease.defaultMs) : null
      if (open !== null) limiters.ask(access, OPENING_COST)
      const allowed = readCommands(asked.commands, parking.isClosed, (command) => {
        checkCommand(access, command)
        if (command.op === 'acquire' || command.op === 'query') limiters.ask(access)
      })
      const read = access.lapse === null ? allowed : await withoutUnknown(store, access, allowed)
      const commands = read.flatMap((each) => ('command' in each ? [each.command] : []))
      const step = { namespace, session, principal: principalOf(access), open, seq, confirm, commands }
      const outcome = await store.execute(step)
      // One that is not there could be opened, were the credentials good.
      if (outcome.kind === 'session-gone' && asked.open !== undefined) checkGood(access)
      return commandsReply(read, access, seq, outcome)
    },
    async heartbeat(body) {
      const { session, confirm } = readBody(schemas.heartbeat, body)
      const outcome = await store.renewSession({ session, confirm })
      if (outcome.kind === 'session-gone') throw sessionUnknown(outcome)
      return standingReply(outcome)
    },
    async release(body) {
      return releaseReply(await store.endSession(readBody(schemas.release, body).session))
    },
    async stream(body, tell, signal) {
      const { sessions } = readBody(schemas.stream, body)
      return runStream(
        streamContext,
        sessions.map(({ session }) => session),
        tell,
        signal,
      )
    },
  }
}

function openStep(
  { open }: CommandsBody,
  access: Access,
  defaultMs: number,
): { leaseMs: number; info: CommandsInfo } | null {
  if (open === undefined) return null
  const leaseMs = boundLease(open.lease_ms ?? defaultMs, access)
  // Nothing in a session ends before one lease of it is over.
  return { leaseMs: Math.min(leaseMs, access.maxHoldMs ?? leaseMs), info: open.info }
}

type CommandsInfo = NonNullable<CommandsBody['open']>['info']

function readCommands(
  commands: readonly unknown[],
  isClosing: boolean,
  allow: (command: StoreCommand) => void,
): Read[] {
  let queries = 0
  return commands.map((given) => {
    try {
      const command = readCommand(given)
      allow(command)
      if (command.op === 'query') queries += 1
      if (queries > MOST_QUERIES && command.op === 'query') throw tooManyQueries()
      if (command.op === 'acquire' && isClosing) return { result: shutdownReply(command.owner) }
      return { command }
    } catch (error) {
      if (error instanceof ProblemError) return { result: problemResult(ownerOf(given), error) }
      throw error
    }
  })
}

/** Answers the releases that lapsed credentials are not enough for. */
function withoutUnknown(store: LockStore, access: Access, read: readonly Read[]): Promise<Read[]> {
  const { namespace } = access
  return Promise.all(
    read.map(async (each) => {
      if (!('command' in each) || each.command.op !== 'release') return each
      const { name, owner } = each.command
      if (await mayRelease(store, { namespace, name, owner }, access)) return each
      return { result: commandResult(each.command, { kind: 'ended', reason: 'unknown' }) }
    }),
  )
}

function commandsReply(read: readonly Read[], access: Access, seq: number, outcome: ExecuteOutcome): CommandsReply {
  switch (outcome.kind) {
    case 'session-gone':
      throw sessionUnknown(outcome)
    case 'seq-spent':
      throw seqSpent(seq, outcome.highest)
    case 'full':
      throw acquireProblem(outcome)
    case 'executed': {
      const outcomes = outcome.outcomes.values()
      const results = read.map((each) => ('command' in each ? resultOf(each.command, access, outcomes) : each.result))
      return { ...standingReply(outcome.standing), results }
    }
  }
}

function resultOf(
  command: StoreCommand,
  access: Access,
  outcomes: Iterator<Parameters<typeof commandResult>[1]>,
): CommandResult {
  const { value, done } = outcomes.next()
  if (done) throw new Error('The store has answered fewer commands than it was given.')
  const result = commandResult(command, value)
  return command.op === 'acquire' ? conceal(result, access, command.name) : result
}

function tooManyQueries(): ProblemError {
  return new ProblemError('too-many-requests', `A request may have one query: send the other ones later.`)
}
