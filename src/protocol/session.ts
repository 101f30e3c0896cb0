import type { ProblemDocument } from './problems.ts'
import type { AcquireReply, EndingReason, EndReason, HolderView, Json, LockMode, ReleaseReply, Steal } from './wire.ts'

/** The most bytes that the body of `POST /v1/session/commands` may have. */
export const MAX_COMMANDS_BYTES: number = 256 * 1024

/** The most commands in one request. */
export const MAX_COMMANDS = 1_000

/** The most sessions on one stream. */
export const MAX_STREAM_SESSIONS = 64

/** While a session on it waits, a stream carries something at least so often, in ms. */
export const STREAM_BEAT_MS = 1_000

/** Acquires within a session: what it grants lives as long as the session. */
export interface AcquireCommand {
  op: 'acquire'
  name: string
  owner: string
  mode?: LockMode
  if_available?: boolean
  steal?: Steal
  info?: Json
}

/** Ends a lease or a wait, and acknowledges that it has ended. */
export interface ReleaseCommand {
  op: 'release'
  name: string
  owner: string
}

/** Asks which locks are held or waited for, by anybody. */
export interface QueryCommand {
  op: 'query'
  /** Only names that begin so. */
  prefix?: string
}

/** Asks what this session holds and waits for. */
export interface SyncCommand {
  op: 'sync'
}

export type SessionCommand = AcquireCommand | ReleaseCommand | QueryCommand | SyncCommand

/** The body of `POST /v1/session/commands`. */
export interface CommandsRequest {
  /** A secret of the client's making, 128 random bits or more. */
  session: string
  /** Opens the session; sent until the first reply. */
  open?: { lease_ms?: number; info?: Json }
  /** Larger than that of every attempt before. */
  seq: number
  /** The owners of claims that are taken for good. */
  confirm?: string[]
  commands: SessionCommand[]
}

/** The body of `POST /v1/session/heartbeat`. */
export interface SessionHeartbeatRequest {
  session: string
  confirm?: string[]
}

/** The body of `POST /v1/session/release`. */
export interface SessionReleaseRequest {
  session: string
}

/** The body of `POST /v1/session/stream`. */
export interface SessionStreamRequest {
  sessions: { session: string; last_event_id?: string }[]
}

/** A grant out of the queue that is not confirmed yet. */
export interface SessionClaim {
  owner: string
  name: string
  fencing_token: number
  /** What is left of it when the reply is made, never longer than what is left of the session. */
  expires_in_ms: number
  /** Since the first arrival of this owner, by the server's clock. */
  waited_ms: number
}

/** A lock whose end is fixed: it is not renewed any more. Repeated until its owner is released. */
export interface SessionEnding {
  owner: string
  name: string
  reason: EndingReason
  expires_in_ms: number
  /** With `reason: "stolen"`: who comes next, for people. */
  successor?: { info: Json }
}

/** A lock or a place in a queue that is over. Repeated until its owner is released. */
export interface SessionEnded {
  owner: string
  name: string
  reason: EndReason
}

/** How a session stands, read in the same step as its renewal. In every reply to `commands` and `heartbeat`. */
export interface SessionStanding {
  v: 2
  /** Drawn when the session is opened, and when the store comes back from a restart with it. */
  epoch: number
  /** What a renewal restores. */
  lease_ms: number
  expires_in_ms: number
  /** Of the owners that this request named in `confirm`, those that hold. */
  confirmed: string[]
  claims: SessionClaim[]
  ending: SessionEnding[]
  ended: SessionEnded[]
}

/** What is wrong with one command; the others are carried out all the same. */
export interface CommandProblem {
  v: 2
  owner?: string
  problem: ProblemDocument
}

export interface QueryReply {
  v: 2
  locks: { name: string; holders: HolderView[]; waiters: number }[]
  /** There are more than are listed. */
  truncated: boolean
}

export interface SyncReply {
  v: 2
  holds: { owner: string; name: string; fencing_token: number }[]
  waits: { owner: string; name: string }[]
}

/** `ReleaseReply` with the owner, as every result of a command about one has it. */
export type ReleaseResult = ReleaseReply & { owner: string }

export type CommandResult = AcquireReply | ReleaseResult | QueryReply | SyncReply | CommandProblem

/** The reply to `POST /v1/session/commands`: one result for each command, in order. */
export interface CommandsReply extends SessionStanding {
  results: CommandResult[]
}

/** What a stream tells, as the JSON of one server-sent event. */
export type SessionEvent = { id: string; epoch: number; session: string } & (
  | ({ type: 'granted' } & SessionClaim)
  | ({ type: 'ending' } & SessionEnding)
  | ({ type: 'lost' } & SessionEnded)
  /** This session is over, or was never known. */
  | { type: 'gone'; reason: EndReason }
)
