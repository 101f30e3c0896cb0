import { InvalidArgumentError } from '../core/errors.ts'
import { environmentVariable } from './environment.ts'

const DEFAULT_URL = 'https://api.lockable.dev'

/**
 * The root of the lock server, without a slash at its end.
 *
 * @param url as given, or `undefined` for `LOCKABLE_URL` of the environment, else the public service.
 * @throws InvalidArgumentError that quotes what is no URL of a server.
 */
export function baseUrl(url: string | URL | undefined): string {
  const asked = url ?? (environmentVariable('LOCKABLE_URL') || DEFAULT_URL)
  const from = url === undefined ? 'LOCKABLE_URL' : 'url'
  const quoted = JSON.stringify(String(asked))
  let parsed: URL
  try {
    parsed = new URL(asked)
  } catch {
    throw new InvalidArgumentError(`${from} ${quoted} is not a URL. Write it whole, as in "http://127.0.0.1:5625".`)
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new InvalidArgumentError(
      `${from} ${quoted} begins with "${parsed.protocol}": it must begin with http: or https:.`,
    )
  }
  if (parsed.username || parsed.password) {
    throw new InvalidArgumentError(`${from} contains a user name or password: give the token as authToken instead.`)
  }
  if (parsed.search || parsed.hash) {
    throw new InvalidArgumentError(`${from} ${quoted} has a query or a fragment: leave them out.`)
  }
  return parsed.href.replace(/\/+$/, '')
}
