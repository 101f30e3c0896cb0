import { API_ROOT, LOCKS_PATH, SESSION_PATHS, WATCH_PATH } from '../../protocol/paths.ts'
import type { ProblemCode } from '../../protocol/problems.ts'
import { MAX_LISTED_LOCKS, MAX_WATCH_NAMES } from '../../protocol/wire.ts'
import { DEFAULT_LIMIT } from '../locks.ts'
import type { ReplyName } from './replies.ts'
import type { RequestName } from './requests.ts'

/** A parameter of a query. */
export interface QueryParameter {
  readonly name: string
  readonly description: string
  readonly schema: object
  readonly isRequired?: boolean
}

/** One method of one path. */
export interface Operation {
  readonly method: 'get' | 'post'
  /** `{name}` stands for the name of a lock. */
  readonly path: string
  readonly id: string
  readonly summary: string
  /** `null`: it needs no token. */
  readonly right: 'lock' | 'inspect' | 'watch' | 'admin' | null
  readonly query?: readonly QueryParameter[]
  readonly body?: RequestName
  readonly reply: Reply
  /** Besides those that any request may get. */
  readonly problems: readonly ProblemCode[]
  /** Another status, where one is no problem document. */
  readonly otherwise?: { readonly status: number; readonly reply: Reply }
}

/** What is answered: one of some JSON objects, or text. */
export type Reply =
  | { readonly json: readonly ReplyName[] }
  | { readonly text: string; readonly description: string; readonly events?: ReplyName }

/** What anybody may be answered at any path. */
export const COMMON_PROBLEMS: readonly ProblemCode[] = [
  'forbidden',
  'method-not-allowed',
  'uri-too-long',
  'internal',
  'unavailable',
]

const TOKEN_PROBLEMS = ['unauthenticated', 'too-many-requests'] as const

const BODY_PROBLEMS = ['bad-request', 'body-too-large', 'unsupported-media-type'] as const

const NAMED = [...TOKEN_PROBLEMS, 'bad-name'] as const

const OWNED = [...NAMED, ...BODY_PROBLEMS] as const

const CLASSIC: Reply = { json: ['ClassicReply'] }

/** All that a server answers; `/metrics` is there only where somebody gave it figures. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: `${API_ROOT}/acquire/{name}`,
    id: 'acquireClassic',
    summary: 'Takes a lock for 60 s, without an owner',
    right: 'lock',
    reply: CLASSIC,
    problems: NAMED,
  },
  {
    method: 'post',
    path: `${API_ROOT}/acquire/{name}`,
    id: 'acquire',
    summary: 'Takes a lock for an owner, or waits for it',
    right: 'lock',
    body: 'AcquireRequest',
    reply: { json: ['GrantedReply', 'RefusedReply'] },
    problems: [...OWNED, 'owner-spent', 'owner-conflict'],
  },
  {
    method: 'get',
    path: `${API_ROOT}/heartbeat/{name}`,
    id: 'heartbeatClassic',
    summary: 'Renews a lock that has no owner',
    right: 'lock',
    reply: CLASSIC,
    problems: NAMED,
  },
  {
    method: 'post',
    path: `${API_ROOT}/heartbeat/{name}`,
    id: 'heartbeat',
    summary: 'Renews a lease, and confirms a claim',
    right: 'lock',
    body: 'HeartbeatRequest',
    reply: { json: ['RenewedReply', 'NotRenewedReply'] },
    problems: OWNED,
  },
  {
    method: 'get',
    path: `${API_ROOT}/release/{name}`,
    id: 'releaseClassic',
    summary: 'Frees a lock that has no owner',
    right: 'lock',
    reply: CLASSIC,
    problems: NAMED,
  },
  {
    method: 'post',
    path: `${API_ROOT}/release/{name}`,
    id: 'release',
    summary: 'Ends a lease or a wait',
    right: 'lock',
    body: 'ReleaseRequest',
    reply: { json: ['ReleaseReply'] },
    problems: OWNED,
  },
  {
    method: 'post',
    path: SESSION_PATHS.commands,
    id: 'sessionCommands',
    summary: 'Acquires and releases many locks, and renews the session',
    right: 'lock',
    body: 'CommandsRequest',
    reply: { json: ['CommandsReply'] },
    problems: [...TOKEN_PROBLEMS, ...BODY_PROBLEMS, 'session-unknown', 'seq-spent'],
  },
  {
    method: 'post',
    path: SESSION_PATHS.heartbeat,
    id: 'sessionHeartbeat',
    summary: 'Renews a session, and confirms claims',
    right: null,
    body: 'SessionHeartbeatRequest',
    reply: { json: ['SessionStanding'] },
    problems: [...BODY_PROBLEMS, 'session-unknown', 'too-many-requests'],
  },
  {
    method: 'post',
    path: SESSION_PATHS.release,
    id: 'sessionRelease',
    summary: 'Ends a session, with all that it holds and waits for',
    right: null,
    body: 'SessionReleaseRequest',
    reply: { json: ['ReleaseReply'] },
    problems: [...BODY_PROBLEMS, 'too-many-requests'],
  },
  {
    method: 'post',
    path: SESSION_PATHS.stream,
    id: 'sessionStream',
    summary: 'Follows sessions',
    right: null,
    body: 'SessionStreamRequest',
    reply: {
      text: 'text/event-stream',
      description: 'Events, each with a SessionEvent as its data, until the event `bye`.',
      events: 'SessionEvent',
    },
    problems: [...BODY_PROBLEMS, 'too-many-requests'],
  },
  {
    method: 'get',
    path: `${API_ROOT}/status/{name}`,
    id: 'status',
    summary: 'Who holds a lock',
    right: 'inspect',
    reply: { json: ['StatusReply'] },
    problems: NAMED,
  },
  {
    method: 'get',
    path: LOCKS_PATH,
    id: 'locks',
    summary: 'The locks that are held or waited for, page by page',
    right: 'inspect',
    query: [
      { name: 'prefix', description: 'Only names that begin so.', schema: { type: 'string', default: '' } },
      {
        name: 'limit',
        description: 'The most locks on a page.',
        schema: { type: 'integer', minimum: 1, maximum: MAX_LISTED_LOCKS, default: DEFAULT_LIMIT },
      },
      { name: 'cursor', description: 'The `cursor` of the page before.', schema: { type: 'string' } },
    ],
    reply: { json: ['LocksReply'] },
    problems: [...TOKEN_PROBLEMS, 'bad-request'],
  },
  {
    method: 'get',
    path: WATCH_PATH,
    id: 'watch',
    summary: 'Follows locks',
    right: 'watch',
    query: [
      {
        name: 'name',
        description: 'A lock; repeatable.',
        schema: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_WATCH_NAMES },
        isRequired: true,
      },
    ],
    reply: {
      text: 'text/event-stream',
      description: 'Events, each with a WatchEvent as its data, until the event `bye`.',
      events: 'WatchEvent',
    },
    problems: [...NAMED, 'bad-request'],
  },
  {
    method: 'post',
    path: `${API_ROOT}/force-release/{name}`,
    id: 'forceRelease',
    summary: 'Ends whoever holds a lock',
    right: 'admin',
    body: 'ForceReleaseRequest',
    reply: { json: ['ForceReleaseReply'] },
    problems: OWNED,
  },
  {
    method: 'get',
    path: API_ROOT,
    id: 'service',
    summary: 'What this server can do',
    right: null,
    reply: { json: ['ServiceReply'] },
    problems: [],
  },
  {
    method: 'get',
    path: '/healthz',
    id: 'health',
    summary: 'Whether the process lives',
    right: null,
    reply: { json: ['HealthReply'] },
    problems: [],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'readiness',
    summary: 'Whether requests should be sent here',
    right: null,
    reply: { json: ['ReadyReply'] },
    problems: [],
    otherwise: { status: 503, reply: { json: ['ReadyReply'] } },
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    summary: 'Figures for Prometheus',
    right: 'inspect',
    reply: { text: 'text/plain', description: 'The figures, in the text format of Prometheus.' },
    problems: TOKEN_PROBLEMS,
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'openapi',
    summary: 'This document',
    right: null,
    reply: { text: 'application/json', description: 'An OpenAPI document.' },
    problems: [],
  },
]
