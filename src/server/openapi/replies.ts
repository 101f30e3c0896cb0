import * as v from 'valibot'
import { PROBLEM_TYPE_BASE, PROBLEMS, type ProblemDocument } from '../../protocol/problems.ts'
import type {
  CommandProblem,
  CommandResult,
  CommandsReply,
  QueryReply,
  ReleaseResult,
  SessionEvent,
  SessionStanding,
  SyncReply,
} from '../../protocol/session.ts'
import type {
  ClassicReply,
  ForceReleaseReply,
  GrantedReply,
  HolderView,
  LocksReply,
  NotRenewedReply,
  RefusedReply,
  ReleaseReply,
  RenewedReply,
  ServiceReply,
  StatusReply,
  WatchEvent,
} from '../../protocol/wire.ts'
import type { ReadyReply } from '../observe/readiness.ts'
import { info, mode, owner, type Schema, session } from '../owned/members.ts'

// Each schema is held against the type that the server replies by, so that neither can change alone.

const version = v.literal(2)
const text = v.string()
const ms = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const count = ms
const token = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const ending = v.picklist(['stolen', 'revoked'])
const reason = v.picklist(['expired', 'stolen', 'released', 'revoked', 'unknown'])
const successor = v.object({ info })

const problem: Schema<ProblemDocument> = v.object({
  type: v.picklist(Object.keys(PROBLEMS).map((code) => PROBLEM_TYPE_BASE + code)),
  title: text,
  status: v.pipe(v.number(), v.safeInteger()),
  detail: text,
  reason: v.exactOptional(reason),
  instance: v.exactOptional(text),
})

const holder: Schema<HolderView> = v.object({ info, mode, since_ms: ms, expires_in_ms: ms })

const holders = v.array(holder)

const classic: Schema<ClassicReply> = v.object({ response: v.boolean() })

const granted: Schema<GrantedReply> = v.object({
  v: version,
  response: v.literal(true),
  owner,
  fencing_token: token,
  lease_ms: ms,
  expires_in_ms: ms,
  waited_ms: ms,
  confirm: v.boolean(),
  ending: v.exactOptional(ending),
})

const refused: Schema<RefusedReply> = v.object({
  v: version,
  response: v.literal(false),
  owner,
  reason: v.picklist(['held', 'queued', 'timeout', 'grace', 'shutdown']),
  position: v.exactOptional(count),
  ticket_ms: v.exactOptional(ms),
  retry_after_ms: v.exactOptional(ms),
  holders: v.exactOptional(holders),
})

const renewed: Schema<RenewedReply> = v.object({
  v: version,
  response: v.literal(true),
  fencing_token: token,
  lease_ms: ms,
  expires_in_ms: ms,
  ending: v.exactOptional(ending),
  successor: v.exactOptional(successor),
})

const notRenewed: Schema<NotRenewedReply> = v.object({ v: version, response: v.literal(false), reason })

const released: Schema<ReleaseReply> = v.object({
  v: version,
  response: v.boolean(),
  reason: v.exactOptional(reason),
})

const lockStatus = {
  state: v.picklist(['free', 'held']),
  mode: v.nullable(mode),
  fencing_token: v.nullable(token),
  holders,
  waiters: count,
} as const

const status: Schema<StatusReply> = v.object({ v: version, ...lockStatus })

const locks: Schema<LocksReply> = v.object({
  v: version,
  locks: v.array(v.object({ name: text, ...lockStatus })),
  cursor: v.nullable(text),
})

const watchEvent: Schema<WatchEvent> = v.object({ id: text, name: text, v: version, ...lockStatus })

const forceReleased: Schema<ForceReleaseReply> = v.object({ v: version, holders: count })

const service: Schema<ServiceReply> = v.object({
  service: v.literal('lockable'),
  v: version,
  features: v.array(text),
  limits: v.object({
    min_lease_ms: ms,
    max_lease_ms: ms,
    max_wait_ms: ms,
    ticket_ms: ms,
    name_bytes: count,
    info_bytes: count,
    body_bytes: count,
    commands: count,
    commands_bytes: count,
    stream_sessions: count,
    listed_locks: count,
    watch_names: count,
  }),
  store: v.object({ kind: text, durable: v.boolean(), linearizable: v.boolean() }),
  restart: v.picklist(['durable', 'grace', 'forgets']),
})

const claim = { owner, name: text, fencing_token: token, expires_in_ms: ms, waited_ms: ms } as const
const fixedEnd = {
  owner,
  name: text,
  reason: ending,
  expires_in_ms: ms,
  successor: v.exactOptional(successor),
} as const
const over = { owner, name: text, reason } as const

const standingMembers = {
  v: version,
  epoch: count,
  lease_ms: ms,
  expires_in_ms: ms,
  confirmed: v.array(owner),
  claims: v.array(v.object(claim)),
  ending: v.array(v.object(fixedEnd)),
  ended: v.array(v.object(over)),
} as const

const standing: Schema<SessionStanding> = v.object(standingMembers)

const commandProblem: Schema<CommandProblem> = v.object({ v: version, owner: v.exactOptional(owner), problem })

const releaseResult: Schema<ReleaseResult> = v.object({
  v: version,
  response: v.boolean(),
  reason: v.exactOptional(reason),
  owner,
})

const queried: Schema<QueryReply> = v.object({
  v: version,
  locks: v.array(v.object({ name: text, holders, waiters: count })),
  truncated: v.boolean(),
})

const synced: Schema<SyncReply> = v.object({
  v: version,
  holds: v.array(v.object({ owner, name: text, fencing_token: token })),
  waits: v.array(v.object({ owner, name: text })),
})

const result: Schema<CommandResult> = v.union([granted, refused, releaseResult, queried, synced, commandProblem])

const commands: Schema<CommandsReply> = v.object({ ...standingMembers, results: v.array(result) })

const told = { id: text, epoch: count, session } as const

const sessionEvent: Schema<SessionEvent> = v.union([
  v.object({ ...told, type: v.literal('granted'), ...claim }),
  v.object({ ...told, type: v.literal('ending'), ...fixedEnd }),
  v.object({ ...told, type: v.literal('lost'), ...over }),
  v.object({ ...told, type: v.literal('gone'), reason }),
])

const health: Schema<{ status: 'ok' }> = v.object({ status: v.literal('ok') })

const notReady = v.literal('not-ready')

const readiness: Schema<ReadyReply> = v.union([
  v.object({ status: v.literal('ready') }),
  v.object({ status: notReady, reason: v.picklist(['draining', 'store']) }),
  v.object({ status: notReady, reason: v.literal('grace'), retry_after_ms: ms }),
])

/** The names that the document has for what the server answers. */
export type ReplyName =
  | 'Problem'
  | 'Holder'
  | 'ClassicReply'
  | 'GrantedReply'
  | 'RefusedReply'
  | 'RenewedReply'
  | 'NotRenewedReply'
  | 'ReleaseReply'
  | 'StatusReply'
  | 'LocksReply'
  | 'WatchEvent'
  | 'ForceReleaseReply'
  | 'ServiceReply'
  | 'SessionStanding'
  | 'ReleaseResult'
  | 'QueryReply'
  | 'SyncReply'
  | 'CommandProblem'
  | 'CommandResult'
  | 'CommandsReply'
  | 'SessionEvent'
  | 'HealthReply'
  | 'ReadyReply'

/** What the server answers. */
export const REPLIES: Readonly<Record<ReplyName, Schema<unknown>>> = {
  Problem: problem,
  Holder: holder,
  ClassicReply: classic,
  GrantedReply: granted,
  RefusedReply: refused,
  RenewedReply: renewed,
  NotRenewedReply: notRenewed,
  ReleaseReply: released,
  StatusReply: status,
  LocksReply: locks,
  WatchEvent: watchEvent,
  ForceReleaseReply: forceReleased,
  ServiceReply: service,
  SessionStanding: standing,
  ReleaseResult: releaseResult,
  QueryReply: queried,
  SyncReply: synced,
  CommandProblem: commandProblem,
  CommandResult: result,
  CommandsReply: commands,
  SessionEvent: sessionEvent,
  HealthReply: health,
  ReadyReply: readiness,
}
