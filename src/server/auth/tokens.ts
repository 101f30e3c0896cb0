/** A token that is accepted, and where its locks live. */
export interface TokenEntry {
  readonly token: string
  /** Default: the namespace that all tokens without one share. */
  readonly namespace?: string
}

/** What a request may do. */
export interface Access {
  readonly namespace: string
}

/** The namespace of tokens that name none, and of an open server. */
export const DEFAULT_NAMESPACE = ''

/** Printable ASCII without the characters that separate tokens in a list, users in Basic credentials, and words. */
const TOKEN_PATTERN = /^[!-+\--9;-~]+$/

/**
 * One `token` or `token:namespace`. Throws a `TypeError` that says which of the list is wrong, but not what it is.
 *
 * @param position 1 for the first of the list.
 */
export function parseToken(given: string | TokenEntry, position: number): Required<TokenEntry> {
  const { token, namespace = DEFAULT_NAMESPACE } = typeof given === 'string' ? splitToken(given) : given
  if (!TOKEN_PATTERN.test(token)) {
    throw new TypeError(`Token ${position} must be 1 or more printable ASCII characters without spaces, ":" and ",".`)
  }
  if (/\p{Cc}/u.test(namespace)) throw new TypeError(`The namespace of token ${position} has a control character.`)
  return { token, namespace }
}

function splitToken(given: string): Required<TokenEntry> {
  const colon = given.indexOf(':')
  if (colon === -1) return { token: given, namespace: DEFAULT_NAMESPACE }
  return { token: given.slice(0, colon), namespace: given.slice(colon + 1) }
}

/** The accepted tokens, kept as SHA-256 digests only. */
export class TokenRegistry {
  readonly #entries: Promise<readonly { digest: Uint8Array; access: Access }[]>

  /** Throws a `TypeError` for tokens that are malformed or given twice. */
  constructor(tokens: readonly (string | TokenEntry)[]) {
    const parsed = tokens.map((given, index) => parseToken(given, index + 1))
    if (new Set(parsed.map(({ token }) => token)).size < parsed.length) {
      throw new TypeError('A token is given twice: give each token once.')
    }
    this.#entries = Promise.all(
      parsed.map(async ({ token, namespace }) => ({ digest: await sha256(token), access: { namespace } })),
    )
  }

  /** What `token` gives access to, or `null` if it is unknown. Takes the same time for all tokens of one length. */
  async find(token: string): Promise<Access | null> {
    const [digest, entries] = await Promise.all([sha256(token), this.#entries])
    let found: Access | null = null
    for (const entry of entries) {
      if (isSame(entry.digest, digest)) found = entry.access
    }
    return found
  }
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}
