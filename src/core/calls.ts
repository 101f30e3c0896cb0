import { operationPath } from '../protocol/paths.ts'
import { readProblem } from '../protocol/problems.ts'
import type { SessionStanding } from '../protocol/session.ts'
import {
  CLASSIC_LEASE_MS,
  type EndingReason,
  type EndReason,
  type HeartbeatRequest,
  type Json,
  type Operation,
  PROTOCOL_VERSION,
  type ReleaseRequest,
  type RenewedReply,
} from '../protocol/wire.ts'
import { AuthenticationError, InvalidArgumentError, type LockableError, ProtocolError, ServerError } from './errors.ts'
import type { Send, SendOptions, WireReply, WireRequest } from './ports.ts'

/** A reply with its JSON read. */
export interface ReadReply {
  readonly status: number
  /** The JSON of the body, or `undefined` if it is none. */
  readonly json: unknown
  /** The code of our problem document, or `null` if the body is none. */
  readonly problem: string | null
  readonly reply: WireReply
}

export function readReply(reply: WireReply): ReadReply {
  let json: unknown
  try {
    json = JSON.parse(reply.body)
  } catch {
    json = undefined
  }
  return { status: reply.status, json, problem: readProblem(json)?.code ?? null, reply }
}

/** Whether the reply is one of the owned dialect. */
export function isOwned(read: ReadReply): boolean {
  return member(read.json, 'v') === PROTOCOL_VERSION
}

/** Whether the reply is an answer at all: `200` with a boolean `response`. */
export function isAnswer(read: ReadReply): boolean {
  return read.status === 200 && typeof member(read.json, 'response') === 'boolean'
}

/** What is wrong with a reply that is not the answer to `request`. */
export function replyError(request: WireRequest, { status, json, reply }: ReadReply): LockableError {
  const asked = `${request.method} ${request.path}`
  const detail = readProblem(json)?.detail ?? ''
  if (status === 401 || status === 403) {
    const refused = request.authToken === null ? 'a request without a token' : 'the token'
    return new AuthenticationError(
      `The server refused ${refused} (${status} to ${asked}). ${detail || 'Check authToken or LOCKABLE_AUTH_TOKEN.'}`,
      status,
    )
  }
  if (status === 429 || status >= 500) {
    return new ServerError(`The server answered ${status} to ${asked}. ${detail}`.trim(), status, reply.retryAfterMs)
  }
  if (status === 400 && detail) return new InvalidArgumentError(`The server refused ${asked}: ${detail}`)
  if (detail) return new ProtocolError(`The server answered ${status} to ${asked}: ${detail}`, status)
  // JSON may well repeat the request, and with it the owner, which is a secret.
  const shown = json === undefined ? JSON.stringify(reply.body.slice(0, 80)) : 'JSON that is no answer'
  return new ProtocolError(
    `Not a lock server: ${status} ${reply.contentType || 'without a content type'} ${shown} to ${asked}. Check the url.`,
    status,
  )
}

/** The member `key` of something read from JSON. */
export function member(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[key] : undefined
}

/** Asks in the classic dialect and brings the server's boolean. */
export async function classicCall(
  send: Send,
  operation: Operation,
  name: string,
  authToken: string | null,
  options: SendOptions,
): Promise<boolean> {
  const request = classicRequest(operation, name, authToken)
  return readClassic(request, await send(request, options))
}

export function classicRequest(operation: Operation, name: string, authToken: string | null): WireRequest {
  return { method: 'GET', path: operationPath(operation, name), authToken }
}

/** The boolean in a classic reply. */
export function readClassic(request: WireRequest, reply: WireReply): boolean {
  const read = readReply(reply)
  if (!isAnswer(read)) throw replyError(request, read)
  return member(read.json, 'response') === true
}

/** The server's word on a heartbeat. */
export type HeartbeatAnswer =
  | {
      readonly renewed: true
      readonly expiresInMs: number
      readonly ending: EndingReason | null
      readonly successor: Json
      /** How a session stands; `null` for a lock with a lease of its own. */
      readonly standing: SessionStanding | null
    }
  | { readonly renewed: false; readonly reason: EndReason | 'no' }

/** The lock that a heartbeat or a release is about. */
export interface Held {
  readonly name: string
  /** `null` in the classic dialect. */
  readonly owner: string | null
  /** The lease to ask for, in ms; in the classic dialect the one to assume. */
  readonly leaseMs: number | null
}

/** Sends one heartbeat. Rejects when there was no answer, or one that says neither yes nor no. */
export async function sendHeartbeat(
  send: Send,
  held: Held,
  authToken: string | null,
  options: SendOptions,
): Promise<HeartbeatAnswer> {
  if (held.owner === null) {
    const renewed = await classicCall(send, 'heartbeat', held.name, authToken, options)
    if (!renewed) return { renewed, reason: 'no' }
    return { renewed, expiresInMs: held.leaseMs ?? CLASSIC_LEASE_MS, ending: null, successor: null, standing: null }
  }
  const body: HeartbeatRequest = { owner: held.owner, ...(held.leaseMs === null ? {} : { lease_ms: held.leaseMs }) }
  const request: WireRequest = { method: 'POST', path: operationPath('heartbeat', held.name), body, authToken }
  const read = readReply(await send(request, options))
  if (!isAnswer(read) || !isOwned(read)) throw replyError(request, read)
  if (member(read.json, 'response') === false) {
    return { renewed: false, reason: (member(read.json, 'reason') as EndReason | undefined) ?? 'unknown' }
  }
  const renewal = read.json as RenewedReply
  return {
    renewed: true,
    expiresInMs: duration(request, read, 'expires_in_ms'),
    ending: renewal.ending ?? null,
    successor: renewal.successor?.info ?? null,
    standing: null,
  }
}

/** Sends one release and brings the server's boolean. */
export async function sendRelease(
  send: Send,
  held: Pick<Held, 'name' | 'owner'>,
  authToken: string | null,
  options: SendOptions,
): Promise<boolean> {
  if (held.owner === null) return classicCall(send, 'release', held.name, authToken, options)
  const body: ReleaseRequest = { owner: held.owner }
  const request: WireRequest = { method: 'POST', path: operationPath('release', held.name), body, authToken }
  const read = readReply(await send(request, options))
  if (!isAnswer(read)) throw replyError(request, read)
  return member(read.json, 'response') === true
}

/** A member of a reply that must be a number of ms. */
export function duration(request: WireRequest, read: ReadReply, key: string): number {
  const value = member(read.json, key)
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new ProtocolError(
    `The answer to ${request.method} ${request.path} has ${key} = ${JSON.stringify(value)}, not a number of ms.`,
    read.status,
  )
}
