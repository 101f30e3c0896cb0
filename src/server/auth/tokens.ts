import { type Access, createAccess, DEFAULT_NAMESPACE, type Right } from './access.ts'
import { isSame, sha256 } from './web-crypto.ts'

/** A token that is accepted, and where its locks live. */
export interface TokenEntry {
  readonly token: string
  /** Default: the namespace that all tokens without one share. */
  readonly namespace?: string
}

/** Ending the leases of others is not for every client: it takes a token of a token file, with the right to. */
const LISTED_RIGHTS: ReadonlySet<Right> = new Set(['lock', 'inspect', 'watch', 'steal'])

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

/** Tokens that are listed when the server starts, kept as SHA-256 digests only. */
export class ListedTokens {
  readonly #entries: Promise<readonly { digest: Uint8Array; access: Access }[]>

  /** Throws a `TypeError` for tokens that are malformed or given twice. */
  constructor(tokens: readonly (string | TokenEntry)[]) {
    const parsed = tokens.map((given, index) => parseToken(given, index + 1))
    if (new Set(parsed.map(({ token }) => token)).size < parsed.length) {
      throw new TypeError('A token is given twice: give each token once.')
    }
    this.#entries = Promise.all(
      parsed.map(async ({ token, namespace }, index) => {
        const subject = `list:${index + 1}`
        return {
          digest: await sha256(token),
          access: createAccess({ namespace, subject, rights: LISTED_RIGHTS }),
        }
      }),
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
