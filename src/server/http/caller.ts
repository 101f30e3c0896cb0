import type { Caller } from '../auth/authenticate.ts'

/**
 * Who has connected, of what a runtime gives to a handler besides the request: our own servers give a {@link Caller},
 * `Deno.serve` a `remoteAddr`, and `Bun.serve` the server, which can be asked.
 */
export function callerGiven(request: Request, given: object): Caller {
  const address = (given as Caller).remoteAddress ?? addressOf(request, given)
  return typeof address === 'string' ? { remoteAddress: address } : {}
}

function addressOf(request: Request, given: object): unknown {
  if ('remoteAddr' in given) return (given.remoteAddr as { hostname?: unknown } | null)?.hostname
  if ('requestIP' in given && typeof given.requestIP === 'function') return given.requestIP(request)?.address
  return undefined
}
