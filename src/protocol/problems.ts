import type { EndReason } from './wire.ts'

/** The media type of every error reply (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** What all problem types begin with. Stable: clients tell problems apart by `type`, people by `detail`. */
export const PROBLEM_TYPE_BASE = 'urn:lockable:problem:'

/** What all our problems are called. */
export type ProblemCode =
  | 'bad-name'
  | 'bad-request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'owner-spent'
  | 'owner-conflict'
  | 'seq-spent'
  | 'session-unknown'
  | 'body-too-large'
  | 'uri-too-long'
  | 'unsupported-media-type'
  | 'too-many-requests'
  | 'internal'
  | 'unavailable'

/** Every problem the server can answer, with its status and title. */
export const PROBLEMS: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = {
  'bad-name': { status: 400, title: 'The lock name is not valid' },
  'bad-request': { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'A valid token is needed' },
  forbidden: { status: 403, title: 'This is not allowed' },
  'not-found': { status: 404, title: 'There is no such path' },
  'method-not-allowed': { status: 405, title: 'This path has another method' },
  'owner-spent': { status: 409, title: 'This owner is finished' },
  'owner-conflict': { status: 409, title: 'This owner asked for something else before' },
  'seq-spent': { status: 409, title: 'A later attempt of this session came before' },
  'session-unknown': { status: 409, title: 'This session is not known, or is over' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'The server failed' },
  unavailable: { status: 503, title: 'The store cannot be reached' },
}

/** The body of an error reply. */
export interface ProblemDocument {
  type: string
  title: string
  status: number
  /** Quotes the offending value and the rule. */
  detail: string
  /** With `session-unknown`: why it is over, or `unknown`. */
  reason?: EndReason
  /** With `internal`: by this name the server's log has it. */
  instance?: string
}

/** The problem document for `code`. */
export function problemDocument(code: ProblemCode, detail: string): ProblemDocument {
  const { status, title } = PROBLEMS[code]
  return { type: PROBLEM_TYPE_BASE + code, title, status, detail }
}

/** Which of our problems a reply body is, or `null` if it is none of ours. */
export function readProblem(body: unknown): { code: string; detail: string } | null {
  if (typeof body !== 'object' || body === null) return null
  const { type, detail } = body as Partial<ProblemDocument>
  if (typeof type !== 'string' || !type.startsWith(PROBLEM_TYPE_BASE)) return null
  return { code: type.slice(PROBLEM_TYPE_BASE.length), detail: typeof detail === 'string' ? detail : '' }
}
