import type { ServerClock } from '../clock.ts'
import { isFromBrowser } from '../http/guards.ts'
import { ProblemError } from '../http/problem-error.ts'
import { type Access, OPEN_ACCESS } from './access.ts'
import { readCapability } from './capability-access.ts'
import type { CapabilityKeys } from './capability-keys.ts'
import type { KeptTokens } from './kept-tokens.ts'
import type { Limiters } from './limits.ts'
import type { ListedTokens } from './tokens.ts'

/** What is known of who connected, besides the request. */
export interface Caller {
  /** The address of the other side of the connection, or of the client for which a trusted proxy speaks. */
  readonly remoteAddress?: string | undefined
}

/** Says what a request may do. Both throw the problems `unauthenticated` and `too-many-requests`. */
export interface Authenticator {
  /** By credentials that are good now. */
  authenticate(request: Request, caller: Caller): Promise<Access>
  /**
   * By credentials that are good, or were: a token that expired or was revoked, a capability that ran out. Enough for
   * whoever knows the secret of an owner, since it tells the namespace of that owner, and is nothing that a stranger
   * could make up.
   */
  identify(request: Request, caller: Caller): Promise<Access>
}

/** Everybody may do everything. */
export const openToAll: Authenticator = { authenticate: async () => OPEN_ACCESS, identify: async () => OPEN_ACCESS }

/** By what a server knows its clients. */
export interface Credentials {
  readonly clock: ServerClock
  readonly listed: ListedTokens | null
  readonly kept: KeptTokens | null
  readonly capabilityKeys: CapabilityKeys | null
  readonly limiters: Limiters
}

/** Only who brings one of `credentials`. */
export function withCredentials(credentials: Credentials): Authenticator {
  return {
    async authenticate(request, caller) {
      const access = await identify(credentials, request, caller)
      if (access.lapse !== null) throw unauthenticated(request, access.lapse)
      return access
    },
    identify: (request, caller) => identify(credentials, request, caller),
  }
}

async function identify(credentials: Credentials, request: Request, caller: Caller): Promise<Access> {
  const header = request.headers.get('Authorization')
  if (header === null) throw unauthenticated(request, 'The request has no token')
  const token = readToken(header)
  if (token === null) throw unauthenticated(request, 'The Authorization header has no token')
  const found = await find(credentials, token)
  // Before the tries are counted: what others try from the same address must cost nobody a lock.
  if (typeof found !== 'string') return found
  credentials.limiters.failed(caller)
  throw unauthenticated(request, found)
}

/** What is wrong with `token`, as a text, if it is not known. */
async function find({ listed, kept, capabilityKeys, clock }: Credentials, token: string): Promise<Access | string> {
  const known = (await listed?.find(token)) ?? (await kept?.find(token)) ?? null
  if (known !== null) return known
  const opened = (await capabilityKeys?.open(token)) ?? null
  if (opened === null) return 'The token is not known here'
  const read = readCapability(opened.payload, opened.namespaces, clock)
  return typeof read === 'string' ? `The capability is not valid (${read})` : read
}

function readToken(header: string): string | null {
  const [scheme = '', credentials = '', ...rest] = header.trim().split(/\s+/)
  if (rest.length > 0) return null
  if (scheme.toLowerCase() === 'bearer') return credentials
  return scheme.toLowerCase() === 'basic' ? readBasic(credentials) : null
}

/** The user name of Basic credentials with an empty password. */
function readBasic(credentials: string): string | null {
  try {
    const text = atob(credentials)
    return text.indexOf(':') === text.length - 1 ? text.slice(0, -1) : null
  } catch {
    return null
  }
}

function unauthenticated(request: Request, what: string): ProblemError {
  const challenges = isFromBrowser(request)
    ? 'Bearer realm="lockable"'
    : 'Bearer realm="lockable", Basic realm="lockable"'
  const how = 'send a good one as Bearer, or as the user name of Basic with an empty password.'
  return new ProblemError('unauthenticated', `${what}: ${how}`, { 'WWW-Authenticate': challenges })
}
