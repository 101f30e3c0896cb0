import { SESSION_PATHS } from '../../protocol/paths.ts'
import type { SessionHeartbeatRequest, SessionReleaseRequest, SessionStanding } from '../../protocol/session.ts'
import type { EndReason } from '../../protocol/wire.ts'
import { duration, type HeartbeatAnswer, isOwned, member, type ReadReply, readReply, replyError } from '../calls.ts'
import { ProtocolError } from '../errors.ts'
import type { Send, SendOptions, WireRequest } from '../ports.ts'

const LISTS = ['confirmed', 'claims', 'ending', 'ended'] as const

/** Sends one heartbeat of a session, which may confirm claims. Rejects when there was no answer, or one that says neither yes nor no. */
export async function sendSessionHeartbeat(
  send: Send,
  { session, confirm = [] }: SessionHeartbeatRequest,
  authToken: string | null,
  options: SendOptions,
): Promise<HeartbeatAnswer> {
  const body: SessionHeartbeatRequest = { session, ...(confirm.length === 0 ? {} : { confirm }) }
  const request: WireRequest = { method: 'POST', path: SESSION_PATHS.heartbeat, body, authToken }
  const read = readReply(await send(request, options))
  const gone = goneReason(read)
  if (gone !== null) return { renewed: false, reason: gone }
  const standing = readStanding(request, read)
  return { renewed: true, expiresInMs: standing.expires_in_ms, ending: null, successor: null, standing }
}

/**
 * How the end of a session is told. It needs no token, but a proxy in between may want to see one. A page that is about
 * to go sends none, and says that it is text: then a browser need not ask another origin first whether it may (no
 * preflight), for which there may be no time.
 */
export type EndedBy = { readonly isLeaving: true } | { readonly isLeaving: false; readonly authToken: string | null }

/** Ends a session with all that it holds and waits for. */
export async function sendSessionRelease(
  send: Send,
  session: string,
  by: EndedBy,
  options: SendOptions,
): Promise<void> {
  const body: SessionReleaseRequest = { session }
  const told = by.isLeaving ? { authToken: null, isPlain: true } : { authToken: by.authToken }
  const request: WireRequest = { method: 'POST', path: SESSION_PATHS.release, body, ...told }
  const read = readReply(await send(request, options))
  if (read.status !== 200) throw replyError(request, read)
}

/** Why the session is over, if that is what the reply says; `null` if not. */
export function goneReason(read: ReadReply): EndReason | null {
  if (read.problem !== 'session-unknown') return null
  return (member(read.json, 'reason') as EndReason | undefined) ?? 'unknown'
}

/** How the session stands, by a reply to `commands` or `heartbeat`. Throws what is wrong with any other reply. */
export function readStanding(request: WireRequest, read: ReadReply): SessionStanding {
  if (read.status !== 200 || !isOwned(read)) throw replyError(request, read)
  for (const key of ['epoch', 'lease_ms', 'expires_in_ms']) duration(request, read, key)
  for (const key of LISTS) {
    if (!Array.isArray(member(read.json, key))) throw unlike(request, read, key)
  }
  const standing = read.json as SessionStanding
  const timed = [...standing.claims, ...standing.ending]
  for (const entry of [...timed, ...standing.ended]) {
    if (typeof member(entry, 'owner') !== 'string' || typeof member(entry, 'name') !== 'string') {
      throw unlike(request, read, 'owner and name of an entry')
    }
  }
  for (const entry of timed) {
    if (!Number.isFinite(entry.expires_in_ms)) throw unlike(request, read, 'expires_in_ms of an entry')
  }
  return standing
}

function unlike(request: WireRequest, { status }: ReadReply, what: string): ProtocolError {
  return new ProtocolError(
    `The answer to ${request.method} ${request.path} has no usable ${what}: it is not what a lock server sends.`,
    status,
  )
}
