import { base64url, importJWK, type JWK, SignJWT } from 'jose'
import { nameProblem } from '../../protocol/names.ts'
import { quote } from '../http/problem-error.ts'
import { systemClock } from '../system-clock.ts'
import type { Right } from './access.ts'
import { algorithmOf, type CapabilityKey, namespacesOf } from './capability-keys.ts'
import { randomBytes } from './web-crypto.ts'

/** What a capability may give: all rights but `admin`, which no browser needs. */
export type CapabilityRight = Exclude<Right, 'admin'>

/** All of them. */
export const CAPABILITY_RIGHTS: readonly CapabilityRight[] = ['lock', 'inspect', 'watch', 'steal']

/** The `aud` of every capability, so that a JWT that was made for something else is none. */
export const CAPABILITY_AUDIENCE = 'lockable'

/** The longest life of a capability, in ms: a day. */
export const MAX_CAPABILITY_LIFE_MS = 86_400_000

export interface CapabilityTerms {
  /** One of the server's keys, with its secret or private part: HS256 (`oct`), ES256 or EdDSA. */
  readonly key: CapabilityKey
  /** Whom it is for, such as the id of a user: bounds and limits are for all that one subject does. Never a secret. */
  readonly subject: string
  /** Names of locks, each exactly as it is. Default: none. */
  readonly locks?: readonly string[]
  /** All names that begin with one of these. Default: none. */
  readonly prefixes?: readonly string[]
  /** Default: `lock`, `inspect` and `watch`. */
  readonly rights?: readonly CapabilityRight[]
  /** How long it may be used for something new, in ms: minutes, and at most a day. Default 300,000, five minutes. */
  readonly expiresInMs?: number
  /** Default: the namespace that all tokens without one share. */
  readonly namespace?: string
  /** The longest lease, in ms; more is cut down to it. Default 60,000. */
  readonly maxLeaseMs?: number
  /** How long a lock may be held in all, in ms, however often it is renewed. Default: as long as it is renewed. */
  readonly maxHoldMs?: number
  /** How many locks the subject may hold and wait for at once. Default 1,000. */
  readonly maxLocks?: number
  /** For how many of these it may wait. Default 1,000. */
  readonly maxWaiters?: number
  /** Wall-clock ms since 1970. Default: now. */
  readonly now?: number
}

/**
 * A capability: a JWT that lets who has it lock some names for some minutes. An application's backend makes one for a
 * browser, and the lock server, which has the same key or the public part of it, needs to ask nobody.
 *
 * Rejects with a `TypeError` that names what is wrong.
 */
export async function mintCapability(terms: CapabilityTerms): Promise<string> {
  const { key, subject, locks = [], prefixes = [], rights = ['lock', 'inspect', 'watch'], namespace = '' } = terms
  const { expiresInMs = 300_000, maxLeaseMs, maxHoldMs, maxLocks, maxWaiters, now = systemClock.wall() } = terms
  checkTerms({ subject, locks, prefixes, rights, expiresInMs })
  const algorithm = algorithmOf(key, 'key')
  if (algorithm !== 'HS256' && key.d === undefined) {
    throw new TypeError('key has no private part (d), which signs: the public part is for the server.')
  }
  if (namespacesOf(key, 'key')?.has(namespace) === false) {
    throw new TypeError(`key is not for the namespace ${quote(namespace)}: its namespaces say which, as on the server.`)
  }
  const issuedAt = Math.floor(now / 1000)
  const claims = {
    ...(namespace !== '' && { ns: namespace }),
    ...(locks.length > 0 && { locks }),
    ...(prefixes.length > 0 && { prefixes }),
    rights,
    ...bound('max_lease_ms', maxLeaseMs),
    ...bound('max_hold_ms', maxHoldMs),
    ...bound('max_locks', maxLocks),
    ...bound('max_waiters', maxWaiters),
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(key.kid !== undefined && { kid: key.kid }) })
    .setAudience(CAPABILITY_AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.ceil(expiresInMs / 1000))
    .sign(await importJWK(key as JWK, algorithm))
}

/**
 * A fresh key for HS256, which the server and who mints share: 256 random bits. Whoever has it can mint.
 *
 * @param namespaces those that it may mint for; default: all.
 */
export function createCapabilityKey(namespaces?: readonly string[]): CapabilityKey {
  const kid = base64url.encode(randomBytes(6))
  const bound = namespaces === undefined ? {} : { namespaces }
  return { kty: 'oct', kid, alg: 'HS256', k: base64url.encode(randomBytes(32)), ...bound }
}

type Checked = Required<Pick<CapabilityTerms, 'subject' | 'locks' | 'prefixes' | 'rights' | 'expiresInMs'>>

function checkTerms({ subject, locks, prefixes, rights, expiresInMs }: Checked): void {
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) {
    throw new TypeError('subject must be a string of 1 to 255 characters that says whom the capability is for.')
  }
  for (const name of locks) {
    const problem = nameProblem(name)
    if (problem !== null) throw new TypeError(`locks: ${problem}`)
  }
  for (const prefix of prefixes) {
    if (typeof prefix !== 'string') throw new TypeError(`prefixes must be strings; got ${quote(prefix)}.`)
  }
  if (locks.length + prefixes.length === 0) {
    throw new TypeError(
      'A capability without locks and prefixes allows nothing: name some; the prefix "" is every name.',
    )
  }
  const unknown = rights.find((right) => !CAPABILITY_RIGHTS.includes(right))
  if (unknown !== undefined || rights.length === 0) {
    throw new TypeError(
      `rights must be one or more of ${CAPABILITY_RIGHTS.join(', ')}; got ${quote(unknown ?? rights)}.`,
    )
  }
  if (!(expiresInMs >= 1 && expiresInMs <= MAX_CAPABILITY_LIFE_MS)) {
    throw new TypeError(`expiresInMs must be from 1 to ${MAX_CAPABILITY_LIFE_MS}, a day; got ${expiresInMs}.`)
  }
}

function bound(claim: string, value: number | undefined): Record<string, number> {
  if (value === undefined) return {}
  if (Number.isSafeInteger(value) && value >= 0) return { [claim]: value }
  throw new TypeError(`${claim} must be a whole number, 0 or more; got ${value}.`)
}
