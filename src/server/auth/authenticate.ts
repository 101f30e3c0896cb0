import { isFromBrowser } from '../http/guards.ts'
import { ProblemError } from '../http/problem-error.ts'
import { type Access, DEFAULT_NAMESPACE, type TokenRegistry } from './tokens.ts'

/** Says what a request may do. Throws the problem `unauthenticated`. */
export type Authenticate = (request: Request) => Promise<Access>

/** Everybody may do everything. */
export const openToAll: Authenticate = async () => ({ namespace: DEFAULT_NAMESPACE })

/** Only who brings one of these tokens. */
export function withTokens(registry: TokenRegistry): Authenticate {
  return async (request) => {
    const header = request.headers.get('Authorization')
    if (header === null) throw unauthenticated(request, 'The request has no Authorization header')
    const token = readToken(header)
    if (token === null) throw unauthenticated(request, 'The Authorization header is neither of the two accepted')
    const access = await registry.find(token)
    if (access === null) throw unauthenticated(request, 'The token is not known here')
    return access
  }
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
  return new ProblemError(
    'unauthenticated',
    `${what}: send the token as Bearer, or as the user name of Basic with an empty password.`,
    { 'WWW-Authenticate': challenges },
  )
}
