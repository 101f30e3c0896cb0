import { base64url, compactVerify, importJWK, type JWK } from 'jose'
import { quote } from '../http/problem-error.ts'
import { kindOf } from '../owned/schemas.ts'

/** A JSON Web Key (RFC 7517): `oct` for HS256, `OKP` with Ed25519 for EdDSA, `EC` with P-256 for ES256. */
export interface CapabilityKey {
  readonly kty: string
  /** Which key a capability was signed by. May be left out of an only key. */
  readonly kid?: string
  readonly alg?: string
  /** For which namespaces it may sign; `""` is the common one. Default: for all. */
  readonly namespaces?: readonly string[]
  readonly [member: string]: unknown
}

/** How capabilities may be signed. What a capability itself says of that counts for nothing. */
type Algorithm = 'HS256' | 'ES256' | 'EdDSA'

/** A shorter secret could be found by trying. */
const LEAST_SECRET_BYTES = 32

const ALGORITHM_OF: Readonly<Record<string, Algorithm>> = { oct: 'HS256', EC: 'ES256', OKP: 'EdDSA' }

const CURVE_OF: Readonly<Record<string, string>> = { EC: 'P-256', OKP: 'Ed25519' }

/**
 * The one algorithm that `key` is for. Throws a `TypeError` for a key of another kind or a secret that is too short.
 *
 * @param what how the key is called in that.
 */
export function algorithmOf(key: CapabilityKey, what: string): Algorithm {
  const { kty, alg, crv } = Object(key) as Partial<CapabilityKey>
  const algorithm = typeof kty === 'string' && Object.hasOwn(ALGORITHM_OF, kty) ? ALGORITHM_OF[kty] : undefined
  if (algorithm === undefined || (kty !== 'oct' && crv !== CURVE_OF[String(kty)])) {
    throw new TypeError(
      `${what} must be a JSON Web Key with kty "oct" (HS256), "EC" with crv "P-256" (ES256) or "OKP" with crv "Ed25519" (EdDSA); got kty ${quote(kty)}, crv ${quote(crv)}.`,
    )
  }
  if (alg !== undefined && alg !== algorithm) {
    throw new TypeError(`${what} has kty ${quote(kty)} and alg ${quote(alg)}: its alg must be "${algorithm}".`)
  }
  if (algorithm === 'HS256') checkSecret(key, what)
  return algorithm
}

/** The namespaces that `key` is for, or `null`: all. Throws a `TypeError` if they are no list of names. */
export function namespacesOf({ namespaces }: CapabilityKey, what: string): ReadonlySet<string> | null {
  if (namespaces === undefined) return null
  const given: unknown = namespaces
  if (Array.isArray(given) && given.length > 0 && given.every((each) => typeof each === 'string')) return new Set(given)
  throw new TypeError(`${what} has namespaces that are no array of one or more strings: "" is the common one.`)
}

/** The keys in a JSON Web Key Set (`{"keys": [...]}`). Throws a `TypeError` if it is none. */
export function readKeySet(json: unknown, what: string): CapabilityKey[] {
  const keys = Object(json).keys
  if (Array.isArray(keys)) return keys
  throw new TypeError(`${what} must be a JSON Web Key Set, {"keys": [...]}; got ${kindOf(json)}.`)
}

interface Verifier {
  readonly algorithm: Algorithm
  readonly key: ReturnType<typeof importJWK>
  readonly namespaces: ReadonlySet<string> | null
}

/** What a capability says, and for which namespaces its key is; `null`: for all. */
export interface OpenedCapability {
  readonly payload: unknown
  readonly namespaces: ReadonlySet<string> | null
}

/** The keys that capabilities may be signed by. */
export class CapabilityKeys {
  readonly #byId = new Map<string, Verifier>()
  readonly #only: Verifier | null

  /** Throws a `TypeError` for keys of which one cannot be used, or that cannot be told apart. */
  constructor(keys: readonly CapabilityKey[]) {
    const verifiers = keys.map((key, index) => {
      const what = keys.length === 1 ? 'The capability key' : `Capability key ${index + 1}`
      const algorithm = algorithmOf(key, what)
      if (algorithm !== 'HS256' && key.d !== undefined) {
        throw new TypeError(`${what} has its private part (d): give the server only the public one.`)
      }
      if (keys.length > 1 && (typeof key.kid !== 'string' || this.#byId.has(key.kid))) {
        throw new TypeError(`${what} needs a kid that no other one has, since there are several.`)
      }
      const imported = importJWK(key as JWK, algorithm)
      // Whoever verifies first is told.
      imported.catch(() => undefined)
      const verifier = { algorithm, key: imported, namespaces: namespacesOf(key, what) }
      if (typeof key.kid === 'string') this.#byId.set(key.kid, verifier)
      return verifier
    })
    this.#only = verifiers.length === 1 ? (verifiers[0] ?? null) : null
  }

  /** What is in `jwt`, or `null` if it was not signed by one of these keys in the one way that this key is for. */
  async open(jwt: string): Promise<OpenedCapability | null> {
    const verifier = this.#verifierOf(jwt)
    if (verifier === null) return null
    const { algorithm, namespaces } = verifier
    try {
      const algorithms = algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [algorithm]
      const { payload } = await compactVerify(jwt, await verifier.key, { algorithms })
      return { payload: JSON.parse(new TextDecoder().decode(payload)), namespaces }
    } catch {
      return null
    }
  }

  #verifierOf(jwt: string): Verifier | null {
    const kid = kidOf(jwt)
    if (kid === undefined) return this.#only
    return typeof kid === 'string' ? (this.#byId.get(kid) ?? null) : null
  }
}

function kidOf(jwt: string): unknown {
  try {
    return Object(JSON.parse(new TextDecoder().decode(base64url.decode(jwt.split('.', 1)[0] ?? '')))).kid
  } catch {
    return null
  }
}

function checkSecret({ k }: CapabilityKey, what: string): void {
  let length = 0
  try {
    length = typeof k === 'string' ? base64url.decode(k).length : 0
  } catch {
    // Not base64url: as good as none.
  }
  if (length >= LEAST_SECRET_BYTES) return
  throw new TypeError(
    `${what} has a secret (k, base64url) of ${length} bytes: it needs ${LEAST_SECRET_BYTES} random ones or more, as lockable token key makes them.`,
  )
}
