import { base64url } from 'jose'
import type { Right } from './access.ts'
import { randomBytes, sha256 } from './web-crypto.ts'

/** What a server keeps of a token: enough to know it again, too little to ask with it. */
export interface TokenRecord {
  /** 8 characters, the part of the token that is no secret. */
  readonly id: string
  /** The SHA-256 digest of the whole token, base64url. */
  readonly hash: string
  readonly namespace: string
  readonly rights: readonly Right[]
  /** Only names that begin with one of these. Default: every name. */
  readonly prefixes?: readonly string[]
  /** How many locks it may hold and wait for at once, and for how many of these wait. Default: the store's bounds. */
  readonly quota?: { readonly locks?: number; readonly waiters?: number }
  /** The longest lease, in ms; more is cut down to it. Default: the server's. */
  readonly maxLeaseMs?: number
  /** Wall-clock ms since 1970, as the two that follow. */
  readonly created: number
  /** From then on nothing new is granted. Default: never. */
  readonly expires?: number
  /** When it was revoked: nothing new is granted, and what it holds ends. */
  readonly revoked?: number
}

/** What a token that is to be made may do. */
export type TokenTerms = Omit<TokenRecord, 'id' | 'hash' | 'revoked'>

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const ID_LENGTH = 8
const SECRET_BYTES = 32
const TOKEN_PATTERN = /^lk_([a-z2-7]{8})[\w-]{43}$/

/** What the id of a token looks like. */
export const TOKEN_ID_PATTERN: RegExp = /^[a-z2-7]{8}$/

/** A fresh token, which is nowhere but here, and what is kept of it. */
export async function createToken(
  terms: TokenTerms,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  const id = [...randomBytes(ID_LENGTH)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join('')
  const token = `lk_${id}${base64url.encode(randomBytes(SECRET_BYTES))}`
  return { token, record: { id, hash: base64url.encode(await sha256(token)), ...terms } }
}

/** The id in a token, or `null` if it is not one that {@link createToken} made. */
export function idOf(token: string): string | null {
  return TOKEN_PATTERN.exec(token)?.[1] ?? null
}

/** Who asks with this token, as stores remember it. */
export function subjectOf({ id }: Pick<TokenRecord, 'id'>): string {
  return `token:${id}`
}
