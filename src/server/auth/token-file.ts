import * as v from 'valibot'
import { quote } from '../http/problem-error.ts'
import { complaint, type Schema, wholeNumber } from '../owned/members.ts'
import { kindOf } from '../owned/schemas.ts'
import { RIGHTS } from './access.ts'
import { TOKEN_ID_PATTERN, type TokenRecord } from './token-record.ts'

/** A later form that can be read by none of today raises it. */
const VERSION = 1

/** A token as the file has it. */
interface Entry {
  readonly id: string
  readonly hash: string
  readonly namespace: string
  readonly rights: TokenRecord['rights'][number][]
  readonly prefixes?: string[] | undefined
  readonly quota?: { readonly locks?: number | undefined; readonly waiters?: number | undefined } | undefined
  readonly max_lease_ms?: number | undefined
  readonly created: string
  readonly expires?: string | undefined
  readonly revoked?: string | undefined
}

const count = (member: string, least: number): Schema<number> =>
  wholeNumber(least, Number.MAX_SAFE_INTEGER, complaint(member, `a whole number, ${least} or more`))

const instant = (member: string): Schema<string> => {
  const wrong = complaint(member, 'a time as 2031-01-31T00:00:00Z')
  return v.pipe(v.string(wrong), v.check(isInstant, wrong))
}

const wrongHash = () => 'hash must be 43 characters of base64url, as lockable token create writes it'
const wrongNamespace = complaint('namespace', 'a string without control characters')
const wrongRights = complaint('rights', `an array of one or more of ${RIGHTS.join(', ')}`)
const wrongPrefixes = complaint('prefixes', 'an array of one or more strings; leave it out for every name')

const entry: Schema<Entry> = v.strictObject({
  id: v.pipe(v.string(), v.regex(TOKEN_ID_PATTERN, complaint('id', '8 characters of a-z and 2-7'))),
  hash: v.pipe(v.string(wrongHash), v.regex(/^[\w-]{43}$/, wrongHash)),
  namespace: v.pipe(v.string(wrongNamespace), v.regex(/^\P{Cc}*$/u, wrongNamespace)),
  rights: v.pipe(v.array(v.picklist(RIGHTS, wrongRights), wrongRights), v.minLength(1, wrongRights)),
  prefixes: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(wrongPrefixes), v.minLength(1, wrongPrefixes)), wrongPrefixes),
      v.minLength(1, wrongPrefixes),
    ),
  ),
  quota: v.optional(
    v.strictObject({
      locks: v.optional(count('quota.locks', 0)),
      waiters: v.optional(count('quota.waiters', 0)),
    }),
  ),
  max_lease_ms: v.optional(count('max_lease_ms', 1)),
  created: instant('created'),
  expires: v.optional(instant('expires')),
  revoked: v.optional(instant('revoked')),
})

/**
 * The tokens in the text of a token file. Throws an `Error` that names the entry that is wrong and what would be right.
 *
 * @param what how the file is called in that.
 */
export function parseTokenFile(text: string, what: string): TokenRecord[] {
  const { v: version, tokens, ...rest } = parseObject(text, what)
  if (version !== VERSION) {
    throw new Error(
      `${what} has the version ${quote(version)}, and this program knows ${VERSION}: "v" must be ${VERSION}.`,
    )
  }
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new Error(`${what} has a member ${quote(unknown)}: there are "v" and "tokens".`)
  if (!Array.isArray(tokens)) throw new Error(`${what}: "tokens" must be an array; got ${kindOf(tokens)}.`)
  const records = tokens.map((given, index) => parseEntry(given, `${what}, token ${index + 1}`))
  for (const [index, { id }] of records.entries()) {
    if (records.findIndex((other) => other.id === id) < index) {
      throw new Error(`${what}, token ${index + 1}: the id ${quote(id)} is there twice: remove one of the two.`)
    }
  }
  return records
}

/** The text of a file with these tokens. */
export function formatTokenFile(records: readonly TokenRecord[]): string {
  return `${JSON.stringify({ v: VERSION, tokens: records.map(asEntry) }, null, 2)}\n`
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error(`${what} is not JSON: restore it, or make one with lockable token create.`)
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { ...json }
  throw new Error(`${what} must be one JSON object with "v" and "tokens"; got ${kindOf(json)}.`)
}

function parseEntry(given: unknown, what: string): TokenRecord {
  const id = typeof given === 'object' && given !== null && 'id' in given ? ` (${quote(given.id)})` : ''
  const { success, output, issues } = v.safeParse(entry, given, { abortEarly: true })
  if (!success) throw new Error(`${what}${id}: ${describe(issues[0])}.`)
  const { max_lease_ms, created, expires, revoked, quota, prefixes, ...rest } = output
  return {
    ...rest,
    ...(prefixes !== undefined && { prefixes }),
    ...(quota !== undefined && { quota: withoutUndefined(quota) }),
    ...(max_lease_ms !== undefined && { maxLeaseMs: max_lease_ms }),
    created: msOf(created),
    ...(expires !== undefined && { expires: msOf(expires) }),
    ...(revoked !== undefined && { revoked: msOf(revoked) }),
  }
}

function asEntry({ maxLeaseMs, created, expires, revoked, ...rest }: TokenRecord): object {
  return {
    ...rest,
    ...(maxLeaseMs !== undefined && { max_lease_ms: maxLeaseMs }),
    created: textOf(created),
    ...(expires !== undefined && { expires: textOf(expires) }),
    ...(revoked !== undefined && { revoked: textOf(revoked) }),
  }
}

/** Valibot says of strict objects only what it expected and got. */
function describe(issue: v.BaseIssue<unknown>): string {
  const member = issue.path?.map(({ key }) => String(key)).join('.') ?? ''
  if (issue.type !== 'strict_object') return issue.message.replace(/\.$/, '')
  if (issue.expected === 'never') return `there is no member ${quote(member)}`
  return issue.expected === 'Object' ? `it must be an object; got ${kindOf(issue.input)}` : `${member} is missing`
}

function withoutUndefined(quota: NonNullable<Entry['quota']>): NonNullable<TokenRecord['quota']> {
  const { locks, waiters } = quota
  return { ...(locks !== undefined && { locks }), ...(waiters !== undefined && { waiters }) }
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) && !Number.isNaN(msOf(text))
}

function msOf(text: string): number {
  // biome-ignore lint/style/noRestrictedGlobals: reads a text, and no clock
  return Date.parse(text)
}

function textOf(ms: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: writes a text, and reads no clock
  return new Date(ms).toISOString()
}
