import { isLockableError } from '../core/errors.ts'
import { baseUrl } from '../platform/base-url.ts'
import { nameProblem } from '../protocol/names.ts'
import { type CLIENT_FLAGS, DEFAULT_URL } from './client-flags.ts'
import type { Environment, Flags } from './flags.ts'
import { KNOWN_SETTINGS } from './known-settings.ts'
import { readSettings, type Settings } from './settings.ts'
import { UsageError } from './usage-error.ts'

/** Which server is asked, and with what. */
export interface Target {
  readonly url: string
  /** `null`: without a token. */
  readonly authToken: string | null
}

/** The settings of a command that asks a lock server. Throws a {@link UsageError}. */
export function readClientSettings<Given extends typeof CLIENT_FLAGS & Flags>(
  flags: Given,
  args: readonly string[],
  env: Environment,
): Settings<Given> {
  return readSettings(flags, { args, env, known: KNOWN_SETTINGS, ownsEnvironment: false })
}

/** The server that these settings mean. Throws a {@link UsageError}. */
export function targetOf({ values }: Settings<typeof CLIENT_FLAGS>): Target {
  return { url: checked(values.url.at(-1) ?? DEFAULT_URL), authToken: values['auth-token'].at(-1) ?? null }
}

function checked(url: string): string {
  try {
    return baseUrl(url)
  } catch (error) {
    throw isLockableError(error) ? new UsageError(`--url (LOCKABLE_URL): ${error.message}`) : error
  }
}

/** The name of the lock, as the only word of a command. Throws a {@link UsageError}. */
export function nameOf(command: string, words: readonly string[]): string {
  const [name, extra] = words
  if (name === undefined) throw new UsageError(`The name of the lock is missing: lockable ${command} NAME.`)
  if (extra !== undefined) {
    throw new UsageError(`Unexpected argument ${JSON.stringify(extra)}: there is one name, and flags begin with --.`)
  }
  const problem = nameProblem(name)
  if (problem !== null) throw new UsageError(problem)
  return name
}
