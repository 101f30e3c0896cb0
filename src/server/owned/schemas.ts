import * as v from 'valibot'
import type { Json, LockMode, Steal } from '../../protocol/wire.ts'
import { ProblemError } from '../http/problem-error.ts'
import { complaint, ifAvailable, info, mode, owner, type Schema, steal, wholeNumber } from './members.ts'

/** The leases that may be asked for, in ms. */
export interface LeaseRange {
  readonly minMs: number
  readonly maxMs: number
}

export interface AcquireBody {
  readonly owner: string
  readonly lease_ms?: number | undefined
  readonly wait_ms: number
  readonly mode: LockMode
  readonly if_available: boolean
  readonly steal?: Steal | undefined
  readonly info: Json
}

export interface HeartbeatBody {
  readonly owner: string
  readonly lease_ms?: number | undefined
}

export interface ReleaseBody {
  readonly owner: string
}

/** The bodies of the owned dialect. */
export interface Schemas {
  readonly acquire: Schema<AcquireBody>
  readonly heartbeat: Schema<HeartbeatBody>
  readonly release: Schema<ReleaseBody>
}

/** The bodies of a server that grants leases in `range`. */
export function createSchemas(range: LeaseRange): Schemas {
  const lease_ms = v.optional(leaseIn(range))
  const wrongWait = complaint('wait_ms', 'a whole number of ms, 0 or more')
  const acquire = v.object({
    owner,
    lease_ms,
    wait_ms: v.optional(wholeNumber(0, Number.MAX_SAFE_INTEGER, wrongWait), 0),
    mode: v.optional(mode, 'exclusive'),
    if_available: v.optional(ifAvailable, false),
    steal: v.optional(steal),
    info: v.optional(info, null),
  })
  return { acquire, heartbeat: v.object({ owner, lease_ms }), release: v.object({ owner }) }
}

export function leaseIn({ minMs, maxMs }: LeaseRange): Schema<number> {
  return wholeNumber(minMs, maxMs, complaint('lease_ms', `a whole number of ms from ${minMs} to ${maxMs}`))
}

/**
 * `body` as `schema` has it. Throws the problem `bad-request` about the first thing that is wrong.
 *
 * @param what how `body` is called in that.
 */
export function readBody<Body>(schema: Schema<Body>, body: unknown, what: string = 'The body'): Body {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ProblemError('bad-request', `${what} must be one JSON object; got ${kindOf(body)}.`)
  }
  const { success, output, issues } = v.safeParse(schema, body, { abortEarly: true })
  if (success) return output
  throw new ProblemError('bad-request', describe(issues[0]))
}

/** What `value` is, without showing it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Valibot has no complaint of ours for a member that is missing altogether, or is no object. */
function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'object') return issue.message
  const member = issue.path?.map(({ key }) => String(key)).join('.') ?? 'The body'
  return issue.expected === 'Object'
    ? `${member} must be an object; got ${kindOf(issue.input)}.`
    : `${member} is missing.`
}
