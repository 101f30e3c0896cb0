import * as v from 'valibot'
import type { ServerClock } from '../clock.ts'
import { complaint, type Schema, wholeNumber } from '../owned/members.ts'
import { type Access, createAccess } from './access.ts'
import { CAPABILITY_AUDIENCE, CAPABILITY_RIGHTS, type CapabilityRight, MAX_CAPABILITY_LIFE_MS } from './capability.ts'

/** How much the clock of who minted a capability may be off, in ms. */
const LEEWAY_MS = 60_000

/** What a capability bounds that names no bound itself: browsers are not trusted with the server's own limits. */
const DEFAULT_MAX_LEASE_MS = 60_000
const DEFAULT_QUOTA = 1_000

interface Claims {
  readonly aud: string | string[]
  readonly sub: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
  readonly nbf?: number | undefined
  readonly ns: string
  readonly locks: string[]
  readonly prefixes: string[]
  readonly rights: CapabilityRight[]
  readonly max_lease_ms: number
  readonly max_hold_ms?: number | undefined
  readonly max_locks: number
  readonly max_waiters: number
}

const names = (member: string): Schema<string[]> => {
  const wrong = complaint(member, 'an array of strings')
  return v.optional(v.array(v.string(wrong), wrong), [])
}

const seconds = (member: string): Schema<number> => {
  const wrong = complaint(member, 'a number of seconds since 1970')
  return v.pipe(v.number(wrong), v.finite(wrong))
}

const count = (member: string, least: number): Schema<number> =>
  wholeNumber(least, Number.MAX_SAFE_INTEGER, complaint(member, `a whole number, ${least} or more`))

const wrongAudience = () => `aud must be "${CAPABILITY_AUDIENCE}"`
const wrongSubject = () => 'sub must be 1 to 255 characters that say whom it is for'
const wrongNamespace = () => 'ns must be a string without control characters'
const wrongRights = complaint('rights', `an array of one or more of ${CAPABILITY_RIGHTS.join(', ')}`)

const claims: Schema<Claims> = v.object({
  aud: v.pipe(
    v.union([v.string(wrongAudience), v.array(v.string(wrongAudience))], wrongAudience),
    v.check((aud) => [aud].flat().includes(CAPABILITY_AUDIENCE), wrongAudience),
  ),
  sub: v.pipe(v.string(wrongSubject), v.minLength(1, wrongSubject), v.maxLength(255, wrongSubject)),
  iat: seconds('iat'),
  exp: seconds('exp'),
  nbf: v.optional(seconds('nbf')),
  ns: v.optional(v.pipe(v.string(wrongNamespace), v.regex(/^\P{Cc}*$/u, wrongNamespace)), ''),
  locks: names('locks'),
  prefixes: names('prefixes'),
  rights: v.pipe(v.array(v.picklist(CAPABILITY_RIGHTS, wrongRights), wrongRights), v.minLength(1, wrongRights)),
  max_lease_ms: v.optional(count('max_lease_ms', 1), DEFAULT_MAX_LEASE_MS),
  max_hold_ms: v.optional(count('max_hold_ms', 1)),
  max_locks: v.optional(count('max_locks', 0), DEFAULT_QUOTA),
  max_waiters: v.optional(count('max_waiters', 0), DEFAULT_QUOTA),
})

/**
 * Reads the payload of a capability whose signature is right.
 *
 * @param namespaces those that the key is for; `null`: all.
 * @returns a text that says what is wrong if it is no capability of ours at all.
 */
export function readCapability(
  payload: unknown,
  namespaces: ReadonlySet<string> | null,
  clock: Pick<ServerClock, 'wall'>,
): Access | string {
  const { success, output, issues } = v.safeParse(claims, payload, { abortEarly: true })
  if (!success) return describe(issues[0])
  const { iat, exp, nbf = iat, ...terms } = output
  if (namespaces?.has(terms.ns) === false) return 'its key is not for its namespace (ns)'
  // Else one that is to live for a year would be good on its last day.
  if ((exp - iat) * 1000 > MAX_CAPABILITY_LIFE_MS) return 'exp must be at most a day after iat'
  const life = { exp, from: Math.max(iat, nbf) }
  return accessOf(terms, () => lapseOf(life, clock.wall()))
}

function lapseOf({ exp, from }: { exp: number; from: number }, wall: number): string | null {
  if (exp * 1000 + LEEWAY_MS <= wall) return `The capability ran out ${Math.round(wall / 1000 - exp)} s ago`
  if (from * 1000 - LEEWAY_MS <= wall) return null
  return `The capability begins in ${Math.round(from - wall / 1000)} s, by the clock of this server`
}

function accessOf(terms: Omit<Claims, 'iat' | 'exp' | 'nbf'>, lapse: () => string | null): Access {
  return createAccess({
    namespace: terms.ns,
    subject: `capability:${terms.sub}`,
    rights: new Set(terms.rights),
    locks: { names: new Set(terms.locks), prefixes: terms.prefixes },
    maxLeaseMs: terms.max_lease_ms,
    maxHoldMs: terms.max_hold_ms ?? null,
    quota: { locks: terms.max_locks, waiters: terms.max_waiters },
    lapse,
  })
}

function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'object') return issue.message.replace(/\.$/, '')
  const member = issue.path?.map(({ key }) => String(key)).join('.')
  return member === undefined ? 'its payload must be a JSON object' : `${member} is missing`
}
