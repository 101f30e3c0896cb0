import type { Flag } from './flags.ts'
import { UsageError } from './usage-error.ts'
import { type ReadValue, readDuration } from './values.ts'

/** `text`: a line for people. `json`: an object for machines, one a line. */
export type LogFormat = 'text' | 'json'

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** The least that is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** How logs call locks: by name, by a digest of it, or not at all. */
export type LogNames = 'plain' | 'hash' | 'none'

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export type ObserveFlags = {
  readonly log: Flag<LogFormat>
  readonly 'log-level': Flag<LogLevel>
  readonly 'log-names': Flag<LogNames>
  readonly 'metrics-listen': Flag<ListenAddress>
  readonly drain: Flag<number>
}

/** The flags of `lockable serve` about what an operator sees. */
export const OBSERVE_FLAGS: ObserveFlags = {
  log: flag('FORMAT', oneOf(['text', 'json']), 'log on stderr: text for people, json for machines', 'text'),
  'log-level': flag('LEVEL', oneOf(LOG_LEVELS), `the least that is logged: ${LOG_LEVELS.join(', ')}`, 'info'),
  'log-names': flag('HOW', oneOf(['plain', 'hash', 'none']), 'lock names in logs: plain, hash, or none', 'plain'),
  'metrics-listen': flag(
    'ADDRESS:PORT',
    readListenAddress,
    'serve /metrics there, to everybody, and not on the main port',
  ),
  drain: flag('DURATION', readDuration, 'go on serving for so long after SIGTERM, so that others take over', '0s'),
}

function flag<Value>(placeholder: string, read: ReadValue<Value>, description: string, fallback?: string): Flag<Value> {
  return { placeholder, read, description, isList: false, ...(fallback !== undefined && { fallback }) }
}

function oneOf<const Value extends string>(values: readonly Value[]): ReadValue<Value> {
  return (text, source) => {
    const value = values.find((each) => each === text)
    if (value !== undefined) return value
    throw new UsageError(`${source} is ${JSON.stringify(text)}: give one of ${values.join(', ')}.`)
  }
}

function readListenAddress(text: string, source: string): ListenAddress {
  const [, host = '', digits = ''] = /^(\[[\da-f:.]+\]|[^:\s]+):(\d{1,5})$/i.exec(text) ?? []
  const port = Number(digits)
  if (host !== '' && port <= 65_535) return { host: host.replace(/^\[|\]$/g, ''), port }
  throw new UsageError(
    `${source} is ${JSON.stringify(text)}: give an address and a port, as 127.0.0.1:9464 or [::1]:9464.`,
  )
}
