import { targetOf } from './path.ts'
import { ProblemError, quote } from './problem-error.ts'

/** The longest path with its query, in characters. A name of 255 bytes needs at most 765 of them. */
const MAX_TARGET_LENGTH = 2_048

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

/** Refuses addresses that no lock name needs. */
export function checkLength(request: Request): void {
  const { length } = targetOf(request.url)
  if (length <= MAX_TARGET_LENGTH) return
  throw new ProblemError(
    'uri-too-long',
    `The path and query have ${length} characters, the most is ${MAX_TARGET_LENGTH}.`,
  )
}

/** Refuses what a browser fetches before anybody asked for it: it must not take or free a lock. */
export function checkPurpose(request: Request): void {
  const purpose = request.headers.get('Sec-Purpose') ?? request.headers.get('Purpose') ?? request.headers.get('X-Moz')
  if (purpose === null || !/prefetch|prerender/i.test(purpose)) return
  throw new ProblemError('forbidden', `The request is a ${quote(purpose)}: only real requests are served.`)
}

/**
 * Refuses hosts other than loopback and those in `allowed`: a foreign page can point its own host name at this server
 * (DNS rebinding), and the browser then takes it for the page's own.
 */
export function checkHost(request: Request, allowed: readonly string[]): void {
  // A request line may name another one.
  const { host: target } = new URL(request.url)
  const hosts = [request.headers.get('Host') ?? target, target]
  const foreign = hosts.find((host) => !isHostOf(host, allowed))
  if (foreign === undefined) return
  throw new ProblemError(
    'forbidden',
    `The Host ${quote(foreign)} is not one of this server's names: allow it with --allow-host (hosts), or set tokens.`,
  )
}

function isHostOf(host: string, allowed: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return LOOPBACK_HOSTS.includes(name) || allowed.includes(name)
}

/**
 * Refuses requests of foreign pages unless their origin is allowed: an open server on localhost can be reached by every
 * page that its user visits.
 */
export function checkOrigin(request: Request, isAllowed: (origin: string) => boolean): void {
  const origin = request.headers.get('Origin')
  if (origin !== null) {
    if (isAllowed(origin) || isOwnOrigin(request, origin)) return
    throw new ProblemError(
      'forbidden',
      `The Origin ${quote(origin)} is not allowed: allow it with --cors-origin (cors), exactly as it stands here.`,
    )
  }
  const site = request.headers.get('Sec-Fetch-Site')
  if (site !== 'cross-site' && site !== 'same-site') return
  throw new ProblemError(
    'forbidden',
    `A page of another origin sent this (Sec-Fetch-Site: ${site}) without saying which: send it by fetch, and allow its origin with --cors-origin (cors).`,
  )
}

/** The scheme is left out: behind a proxy that ends TLS it is not the one the browser knows. */
function isOwnOrigin(request: Request, origin: string): boolean {
  const host = request.headers.get('Host') ?? new URL(request.url).host
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}

/** Whether a browser sent this; it then must not be asked for Basic credentials, which it would keep. */
export function isFromBrowser(request: Request): boolean {
  const { headers } = request
  return headers.has('Origin') || headers.has('Sec-Fetch-Site') || headers.has('Sec-Fetch-Mode')
}
