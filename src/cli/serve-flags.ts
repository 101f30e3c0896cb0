import { DEFAULT_PORT, type ServeOptions } from '../server/node.ts'
import { type Environment, type Flag, readFlags, variableOf } from './flags.ts'
import { UsageError } from './usage-error.ts'
import { readDuration, readPath, readPort, readStore, readSwitch, readText, readToken } from './values.ts'

function flag<Value>(placeholder: string | null, read: Flag<Value>['read'], description: string): Flag<Value> {
  return { placeholder, read, description, isList: false }
}

function list<Value>(placeholder: string, read: Flag<Value>['read'], description: string): Flag<Value> {
  return { placeholder, read, description: `${description}; repeatable`, isList: true }
}

export type ServeFlags = {
  readonly [Name in 'host' | 'mark' | 'cors-origin' | 'allow-host']: Flag<string>
} & {
  readonly [Name in 'port' | 'token-floor' | DurationFlag]: Flag<number>
} & {
  readonly store: Flag<string | null>
  readonly insecure: Flag<boolean>
}

type DurationFlag = 'default-lease' | 'classic-lease' | 'min-lease' | 'max-lease' | 'max-wait' | 'grace'

/** The flags of `lockable serve`. */
export const SERVE_FLAGS: ServeFlags = {
  port: flag('PORT', readPort, `port to listen on, 0 for any that is free (${DEFAULT_PORT})`),
  host: flag('ADDRESS', readText, 'address to listen on (127.0.0.1)'),
  store: flag('STORE', readStore, 'where locks live: memory forgets, file:PATH keeps them in a folder (memory)'),
  'default-lease': flag('DURATION', readDuration, 'lease of owned requests that ask for none (60s)'),
  'classic-lease': flag('DURATION', readDuration, 'lease of classic requests, whose clients assume 60s (60s)'),
  'min-lease': flag('DURATION', readDuration, 'shortest lease that may be asked for (1s)'),
  'max-lease': flag('DURATION', readDuration, 'longest lease that may be asked for (24h)'),
  'max-wait': flag('DURATION', readDuration, 'longest time for which a request is parked (30s)'),
  mark: flag('FILE', readPath, 'file that tells the next start of a memory store how long to grant nothing (none)'),
  grace: flag('DURATION', readDuration, 'grant nothing for so long after the start, at least (0s)'),
  'token-floor': flag('TOKEN', readToken, 'last fencing token of the store that was used before (0)'),
  'cors-origin': list('ORIGIN', readText, 'origin whose pages may call, as https://app.example'),
  'allow-host': list('NAME', readText, 'host name that requests may be addressed to'),
  insecure: flag(null, readSwitch, 'listen beyond loopback without tokens'),
}

/** The variable with the tokens; no flag, since the arguments of a process can be seen by others. */
export const TOKENS_VARIABLE = 'LOCKABLE_TOKENS'

/** What `lockable serve` was asked to do. */
export interface ServeCommand extends ServeOptions {
  /** The folder of a store that keeps locks; `null`, and left out: memory. */
  readonly file?: string | null
  /** The path of the mark's file. */
  readonly mark?: string
  readonly tokenFloor?: number
}

/** Reads what `lockable serve` was asked to do. Throws a `UsageError`. */
export function readServeCommand(args: readonly string[], env: Environment): ServeCommand {
  const given = readFlags(SERVE_FLAGS, args, env)
  const tokens = (env[TOKENS_VARIABLE] ?? '').split(',').map((token) => token.trim())
  const options = {
    port: given.port.at(-1),
    host: given.host.at(-1),
    lease: withoutUndefined({
      defaultMs: given['default-lease'].at(-1),
      classicMs: given['classic-lease'].at(-1),
      minMs: given['min-lease'].at(-1),
      maxMs: given['max-lease'].at(-1),
    }),
    maxWaitMs: given['max-wait'].at(-1),
    file: given.store.at(-1),
    mark: given.mark.at(-1),
    grace: given.grace.at(-1),
    tokenFloor: given['token-floor'].at(-1),
    cors: given['cors-origin'],
    hosts: given['allow-host'].length > 0 ? given['allow-host'] : undefined,
    insecure: given.insecure.at(-1),
    tokens: tokens.some((token) => token !== '') ? tokens.filter((token) => token !== '') : undefined,
  }
  if (typeof options.file === 'string') checkFileStore(options)
  return withoutUndefined(options)
}

/** What bridges the forgetting of a memory store. */
function checkFileStore({
  mark,
  grace,
}: {
  readonly mark: string | undefined
  readonly grace: number | undefined
}): void {
  const [flag] = [...(mark === undefined ? [] : ['mark']), ...(grace === undefined ? [] : ['grace'])]
  if (flag === undefined) return
  throw new UsageError(
    `--${flag} (${variableOf(flag)}) is for --store memory, whose locks are forgotten: a file store keeps them, so leave it out.`,
  )
}

function withoutUndefined<Given extends object>(
  given: Given,
): { [Key in keyof Given]?: Exclude<Given[Key], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Given]?: Exclude<Given[Key], undefined> }
}
