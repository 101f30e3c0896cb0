import { TokenSource } from './core/auth.ts'
import { classicCall } from './core/calls.ts'
import { REQUEST_TIMEOUT_MS } from './core/connection.ts'
import { checkName } from './core/options.ts'
import type { AuthToken } from './core/types.ts'
import { baseUrl } from './platform/base-url.ts'
import { platformClock } from './platform/clock.ts'
import { environmentVariable } from './platform/environment.ts'
import { fetchSend } from './platform/fetch-send.ts'
import type { Operation } from './protocol/wire.ts'

/** Options of the three functions that call the classic endpoints directly. */
export interface DirectOptions {
  /** Default: `LOCKABLE_URL` of the environment, else `https://api.lockable.dev`. */
  readonly url?: string | URL
  /** Default: `LOCKABLE_AUTH_TOKEN` of the environment, else none. */
  readonly authToken?: AuthToken
  readonly fetch?: typeof fetch
  readonly signal?: AbortSignal
}

/**
 * Tries to acquire `name` once, in the classic dialect: nobody sends heartbeats, and the lease runs out after 60 s.
 *
 * @returns whether it was acquired.
 * @throws InvalidArgumentError, AuthenticationError, ProtocolError, ServerError, NetworkError, or the signal's reason.
 */
export function tryAcquire(name: string, options: DirectOptions = {}): Promise<boolean> {
  return call('acquire', name, options)
}

/** Renews the classic lease of `name`. Resolves to whether there was one. Rejects as {@link tryAcquire} does. */
export function tryHeartbeat(name: string, options: DirectOptions = {}): Promise<boolean> {
  return call('heartbeat', name, options)
}

/** Releases the classic lock `name`. Resolves to whether there was one. Rejects as {@link tryAcquire} does. */
export function tryRelease(name: string, options: DirectOptions = {}): Promise<boolean> {
  return call('release', name, options)
}

async function call(operation: Operation, name: string, options: DirectOptions): Promise<boolean> {
  checkName(name)
  const send = fetchSend(baseUrl(options.url), options.fetch)
  const source = options.authToken ?? (environmentVariable('LOCKABLE_AUTH_TOKEN') || null)
  const authToken = await new TokenSource(source, platformClock).current()
  const { signal } = options
  signal?.throwIfAborted()
  return classicCall(send, operation, name, authToken, { timeoutMs: REQUEST_TIMEOUT_MS, ...(signal && { signal }) })
}
