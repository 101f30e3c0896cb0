import * as v from 'valibot'
import type { Json } from '../../../protocol/wire.ts'
import type { Inherited, InheritedHold, InheritedSession } from '../memory/inherited.ts'
import type { Entry } from './database.ts'
import { Digest } from './digest.ts'

/** A later version that can be read by none of today raises it. */
const VERSION = 1

/** The key under which the version of all others is. */
export const FORMAT_KEY = 'format'
/** The key of the {@link Digest} of all others. */
export const DIGEST_KEY = 'digest'
/** The key of the last token and the last epoch. */
export const LAST_KEY = 'last'

/** What the keys of those begin with who hold a lock. */
export const HOLD = 'hold'
/** What the keys of sessions begin with. */
export const SESSION = 'session'

type SessionRecord = Omit<InheritedSession, 'epoch'>
type Last = Pick<Inherited, 'lastToken' | 'lastEpoch'>

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const info = v.custom<Json>((value) => value !== undefined)
const formatSchema = v.object({ v: v.literal(VERSION) })
const lastSchema = v.object({ token: count, epoch: count })
const sessionSchema = v.object({ namespace: v.string(), lease_ms: count, seq: count, info })
const holdSchema = v.object({
  token: count,
  lease_ms: count,
  mode: v.picklist(['exclusive', 'shared']),
  session: v.nullable(v.string()),
  // Earlier versions did not know these two.
  subject: v.optional(v.nullable(v.string()), null),
  max_hold_ms: v.optional(v.nullable(count), null),
  info,
})

/** What a database holds. */
export interface Records extends Last {
  readonly sessions: readonly SessionRecord[]
  readonly holds: readonly InheritedHold[]
}

export function formatValue(): string {
  return JSON.stringify({ about: 'The locks of a lockable server.', v: VERSION })
}

export function lastValue({ lastToken, lastEpoch }: Last): string {
  return JSON.stringify({ token: lastToken, epoch: lastEpoch })
}

// Neither namespaces nor names, owners and sessions contain control characters, and no owner is empty.
export function holdKey({ namespace, name, owner }: Pick<InheritedHold, 'namespace' | 'name' | 'owner'>): string {
  return [HOLD, namespace, name, owner ?? ''].join('\0')
}

export function holdValue(hold: HoldContent): string {
  const { fencingToken, leaseMs, mode, session, subject, maxHoldMs, info } = hold
  return JSON.stringify({
    ...{ token: fencingToken, lease_ms: leaseMs, mode, session },
    ...(subject !== null && { subject }),
    ...(maxHoldMs !== null && { max_hold_ms: maxHoldMs }),
    info,
  })
}

type HoldContent = Omit<InheritedHold, 'namespace' | 'name' | 'owner'>

export function sessionKey(id: string): string {
  return `${SESSION}\0${id}`
}

export function sessionValue({ namespace, leaseMs, seq, info }: Omit<SessionRecord, 'id'>): string {
  return JSON.stringify({ namespace, lease_ms: leaseMs, seq, info })
}

/**
 * Reads all that a database holds; nothing at all is a first start. Throws an `Error` that says what is wrong, since to
 * go on without a record would be to forget a lock.
 */
export function readRecords(entries: readonly Entry[]): Records {
  let last: Last = { lastToken: 0, lastEpoch: 0 }
  const sessions: SessionRecord[] = []
  const holds: InheritedHold[] = []
  if (entries.length > 0) checkFormat(entries)
  for (const [key, value] of recordsIn(entries)) {
    const [kind, ...parts] = key.split('\0')
    if (kind === FORMAT_KEY) continue
    else if (kind === LAST_KEY) last = readLast(value)
    else if (kind === SESSION && parts.length === 1) sessions.push(readSession(parts[0] ?? '', value))
    else if (kind === HOLD && parts.length === 3) holds.push(readHold(parts, value))
    else throw new Error(`nothing is known of a record ${JSON.stringify(key)}`)
  }
  checkDigest(entries)
  return { ...last, sessions, holds }
}

/** Without their digest. */
export function recordsIn(entries: readonly Entry[]): Entry[] {
  return entries.filter(([key]) => key !== DIGEST_KEY)
}

function checkDigest(entries: readonly Entry[]): void {
  const [, kept] = entries.find(([key]) => key === DIGEST_KEY) ?? []
  if (entries.length === 0 || kept === String(new Digest(recordsIn(entries)).total)) return
  throw new Error('some records are missing or damaged')
}

function checkFormat(entries: readonly Entry[]): void {
  const value = entries.find(([key]) => key === FORMAT_KEY)?.[1]
  if (value === undefined) throw new Error('it does not say its format')
  if (v.is(formatSchema, parse(FORMAT_KEY, value))) return
  throw new Error(`its format is ${value}, and this program knows version ${VERSION}`)
}

function readLast(value: string): Last {
  const { token, epoch } = read(lastSchema, LAST_KEY, value)
  return { lastToken: token, lastEpoch: epoch }
}

function readSession(id: string, value: string): SessionRecord {
  const { lease_ms: leaseMs, ...session } = read(sessionSchema, SESSION, value)
  return { id, leaseMs, ...session }
}

function readHold([namespace = '', name = '', owner = '']: readonly string[], value: string): InheritedHold {
  const record = read(holdSchema, `${HOLD} of ${name}`, value)
  const { token: fencingToken, lease_ms: leaseMs, max_hold_ms: maxHoldMs, ...hold } = record
  return { namespace, name, owner: owner === '' ? null : owner, fencingToken, leaseMs, maxHoldMs, ...hold }
}

function read<Schema extends v.GenericSchema>(schema: Schema, what: string, text: string): v.InferOutput<Schema> {
  const { success, output } = v.safeParse(schema, parse(what, text))
  if (!success) throw new Error(`the record "${what}" is not what it must be`)
  return output
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`the record "${what}" is no JSON`, { cause })
  }
}
