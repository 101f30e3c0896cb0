import * as v from 'valibot'
import { type Json, type LockMode, MAX_INFO_BYTES, OWNER_PATTERN, type Steal } from '../../protocol/wire.ts'
import { ProblemError, quote } from '../http/problem-error.ts'

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

/** Turns what was sent into a body. */
export type Schema<Body> = v.GenericSchema<unknown, Body>

/** The bodies of the owned dialect. */
export interface Schemas {
  readonly acquire: Schema<AcquireBody>
  readonly heartbeat: Schema<HeartbeatBody>
  readonly release: Schema<ReleaseBody>
}

/** The bodies of a server that grants leases in `range`. */
export function createSchemas(range: LeaseRange): Schemas {
  const wrongLease = complaint('lease_ms', `a whole number of ms from ${range.minMs} to ${range.maxMs}`)
  const lease_ms = v.optional(wholeNumber(range.minMs, range.maxMs, wrongLease))
  const wrongWait = complaint('wait_ms', 'a whole number of ms, 0 or more')
  const acquire = v.object({
    owner,
    lease_ms,
    wait_ms: v.optional(wholeNumber(0, Number.MAX_SAFE_INTEGER, wrongWait), 0),
    mode: v.optional(v.picklist(['exclusive', 'shared'], complaint('mode', '"exclusive" or "shared"')), 'exclusive'),
    if_available: v.optional(v.boolean(complaint('if_available', 'true or false')), false),
    steal: v.optional(v.picklist(['safe', 'now'], complaint('steal', '"safe" or "now"'))),
    info: v.optional(info, null),
  })
  return { acquire, heartbeat: v.object({ owner, lease_ms }), release: v.object({ owner }) }
}

/** `body` as `schema` has it. Throws the problem `bad-request` about the first thing that is wrong. */
export function readBody<Body>(schema: Schema<Body>, body: unknown): Body {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const got = body === null ? 'null' : Array.isArray(body) ? 'an array' : `a ${typeof body}`
    throw new ProblemError('bad-request', `The body must be one JSON object; got ${got}.`)
  }
  const { success, output, issues } = v.safeParse(schema, body, { abortEarly: true })
  if (success) return output
  throw new ProblemError('bad-request', describe(issues[0]))
}

/** What is wrong with a member, in words that quote it. */
type Complaint = (issue: v.BaseIssue<unknown>) => string

function complaint(member: string, rule: string): Complaint {
  return ({ input }) => `${member} must be ${rule}; got ${quote(input)}.`
}

/** An owner is a secret: it is described and never quoted. */
const WRONG_OWNER: Complaint = ({ input }) => {
  const got = typeof input === 'string' ? `a string of ${input.length} characters` : `a ${typeof input}`
  return `owner must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ -, made afresh for each acquisition; got ${got}.`
}

const owner = v.pipe(v.string(WRONG_OWNER), v.regex(OWNER_PATTERN, WRONG_OWNER))

const info: v.GenericSchema<unknown, Json> = v.custom<Json>(
  isSmall,
  `info must be JSON of at most ${MAX_INFO_BYTES} bytes of UTF-8.`,
)

function wholeNumber(least: number, most: number, wrong: Complaint): v.GenericSchema<unknown, number> {
  return v.pipe(v.number(wrong), v.safeInteger(wrong), v.minValue(least, wrong), v.maxValue(most, wrong))
}

function isSmall(info: unknown): boolean {
  try {
    return new TextEncoder().encode(JSON.stringify(info)).length <= MAX_INFO_BYTES
  } catch {
    // Nested so deeply that there is no stack left to write it out.
    return false
  }
}

/** Valibot has no complaint of ours for a member that is missing altogether. */
function describe(issue: v.BaseIssue<unknown>): string {
  const isMissing = issue.type === 'object'
  return isMissing ? `${String(issue.path?.[0]?.key)} is missing.` : issue.message
}
