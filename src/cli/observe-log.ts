import { type Logger, pino } from 'pino'
import type { LogFormat, LogLevel } from './observe-flags.ts'

/** What a line says besides its text. */
export type LogMembers = Readonly<Record<string, unknown>>

/** The log of a command. No secret may be given to it. */
export interface Log {
  readonly isDebug: boolean
  debug(text: string, members?: LogMembers): void
  info(text: string, members?: LogMembers): void
  warn(text: string, members?: LogMembers): void
  /** `error` is what was thrown, if anything was; a machine gets its stack too. */
  error(text: string, members?: LogMembers & { readonly error?: unknown }): void
  /** What machines shall know and people are told otherwise: not in a log that is text. */
  announce(text: string, members?: LogMembers): void
}

export interface LogOptions {
  readonly format: LogFormat
  readonly level: LogLevel
  /** Takes whole lines. Default: stderr. */
  readonly write?: (line: string) => void
}

/** Nothing of the kind is logged on purpose; should it be one day, this is what it is called. */
const SECRETS = ['token', 'owner', 'session', 'info', 'authorization', 'password', 'secret', 'key']

/** A log by pino. */
export function createLog({ format, level, write = toStderr }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: asObject },
      redact: { paths: SECRETS.flatMap((secret) => [secret, `*.${secret}`]), censor: '[redacted]' },
    },
    { write: format === 'json' ? write : (line) => write(asText(JSON.parse(line))) },
  )
  return {
    isDebug: logger.isLevelEnabled('debug'),
    debug: (text, members = {}) => logger.debug(members, text),
    info: (text, members = {}) => logger.info(members, text),
    warn: (text, members = {}) => logger.warn(members, text),
    error: (text, members = {}) => logger.error(members, text),
    announce: (text, members = {}) => announce(logger, format, text, members),
  }
}

function announce(logger: Logger, format: LogFormat, text: string, members: LogMembers): void {
  if (format === 'json') logger.info(members, text)
}

/** An error with what is known to be harmless; drivers put queries and their values into others of its members. */
function asObject(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code } = error as NodeJS.ErrnoException
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: asObject(error.cause) }),
  }
}

const PREFIXES: Readonly<Record<string, string>> = { debug: 'debug: ', warn: 'warning: ', error: 'error: ' }

/** A line that pino has written, for people. */
function asText({ level, time: _, message, error, ...members }: Record<string, unknown>): string {
  const details = Object.entries(members).map(([name, value]) => `${name}=${asWord(value)}`)
  const { stack } = (error ?? {}) as { stack?: unknown }
  const ending = `${details.map((detail) => ` ${detail}`).join('')}${typeof stack === 'string' ? `\n${stack}` : ''}`
  return `lockable: ${PREFIXES[String(level)] ?? ''}${String(message)}${ending}\n`
}

/** Names can be anything, so what could be taken for more than one word is quoted. */
function asWord(value: unknown): string {
  return typeof value === 'string' && /^[\w./:*-]+$/.test(value) ? value : JSON.stringify(value)
}

function toStderr(line: string): void {
  process.stderr.write(line)
}
