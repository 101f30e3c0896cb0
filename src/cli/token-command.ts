import { RIGHTS, type Right } from '../server/auth/access.ts'
import { createCapabilityKey } from '../server/auth/capability.ts'
import { readTokens } from '../server/auth/token-file-watch.ts'
import { createToken, type TokenRecord } from '../server/auth/token-record.ts'
import { systemClock } from '../server/system-clock.ts'
import { type Environment, type Flag, readCommandLine, readFlags } from './flags.ts'
import { createSecretFile, updateTokens } from './token-store.ts'
import { UsageError } from './usage-error.ts'
import { type ReadValue, readDuration, readPath, readText } from './values.ts'

/** What a token may do that was made without --right. */
const DEFAULT_RIGHTS: readonly Right[] = ['lock', 'inspect', 'watch']

const readRight: ReadValue<Right> = (text, source) => {
  const right = RIGHTS.find((each) => each === text)
  if (right !== undefined) return right
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give one of ${RIGHTS.join(', ')}.`)
}

const readCount: ReadValue<number> = (text, source) => {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give a whole number.`)
}

function flag<Value>(placeholder: string, read: ReadValue<Value>, description: string, isList = false): Flag<Value> {
  return { placeholder, read, description, isList }
}

const FILE: Flag<string> = flag('FILE', readPath, 'the file of the tokens (LOCKABLE_TOKENS_FILE)')

const CREATE_FLAGS = {
  file: FILE,
  namespace: flag('NAME', readText, 'whose locks have nothing to do with those of others (the common one)'),
  right: flag('RIGHT', readRight, `${RIGHTS.join(', ')}; repeatable (${DEFAULT_RIGHTS.join(', ')})`, true),
  prefix: flag('PREFIX', readText, 'only locks whose names begin so; repeatable (every lock)', true),
  'max-locks': flag('COUNT', readCount, 'how many locks it may hold and wait for at once'),
  'max-waiters': flag('COUNT', readCount, 'for how many of these it may wait'),
  'max-lease': flag('DURATION', readDuration, 'longest lease; more is cut down to it'),
  'expires-in': flag('DURATION', readDuration, 'how long it is good for something new (for ever)'),
}

const FILE_FLAGS = { file: FILE }

const KEY_FLAGS = {
  file: flag('FILE', readPath, 'where to write the key; it must not be there yet (printed)'),
  namespace: flag('NAME', readText, 'only for capabilities of this one; repeatable (every one)', true),
}

/** The text of `lockable token --help`. */
export function tokenHelp(): string {
  return `Usage:
  lockable token create [flags]    make a token, print it once, and keep its digest in the file
  lockable token list [--file]     what there is; never a secret
  lockable token revoke ID         nothing new for it, and what it holds ends with its present leases
  lockable token key [--file] [--namespace]
                                   make a key for browsers' capabilities (a JSON Web Key Set for HS256)

${Object.entries(CREATE_FLAGS)
  .map(([name, { placeholder, description }]) => `  ${`--${name} ${placeholder}`.padEnd(24)}${description}`)
  .join('\n')}

A server with --tokens-file FILE takes changes over within a second or so, and on SIGHUP.
`
}

/** Runs `lockable token …` and resolves to what it prints. Rejects with a `UsageError`, or an `Error` about the file. */
export async function runTokenCommand(args: readonly string[], env: Environment): Promise<string> {
  const [command, ...rest] = args
  switch (command) {
    case 'create':
      return create(rest, env)
    case 'list':
      return list(rest, env)
    case 'revoke':
      return revoke(rest, env)
    case 'key':
      return key(rest)
    default: {
      const got = command === undefined ? 'A command is missing' : `Unknown command ${JSON.stringify(command)}`
      throw new UsageError(`${got}: lockable token create, list, revoke or key. See lockable token --help.`)
    }
  }
}

async function create(args: readonly string[], env: Environment): Promise<string> {
  const given = readFlags(CREATE_FLAGS, args)
  const path = fileOf(given.file, env)
  const namespace = given.namespace.at(-1) ?? ''
  if (/\p{Cc}/u.test(namespace)) throw new UsageError('--namespace has a control character: leave it out.')
  if (given.prefix.includes('')) throw new UsageError('--prefix is empty: leave it out for every lock.')
  const [locks, waiters] = [given['max-locks'].at(-1), given['max-waiters'].at(-1)]
  const maxLeaseMs = given['max-lease'].at(-1)
  if (maxLeaseMs === 0) throw new UsageError('--max-lease is 0: give a longer one.')
  const now = systemClock.wall()
  const expiresInMs = given['expires-in'].at(-1)
  const { token, record } = await createToken({
    namespace,
    rights: given.right.length > 0 ? [...new Set(given.right)] : DEFAULT_RIGHTS,
    ...(given.prefix.length > 0 && { prefixes: given.prefix }),
    ...((locks !== undefined || waiters !== undefined) && {
      quota: { ...(locks !== undefined && { locks }), ...(waiters !== undefined && { waiters }) },
    }),
    ...(maxLeaseMs !== undefined && { maxLeaseMs }),
    created: now,
    ...(expiresInMs !== undefined && { expires: now + expiresInMs }),
  })
  updateTokens(path, (records) => [...records, record])
  return `${token}\n`
}

function list(args: readonly string[], env: Environment): string {
  const records = readTokens(fileOf(readFlags(FILE_FLAGS, args).file, env))
  const rows = [['ID', 'NAMESPACE', 'RIGHTS', 'PREFIXES', 'CREATED', 'STATE'], ...records.map(rowOf)]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

function revoke(args: readonly string[], env: Environment): string {
  const { texts, words } = readCommandLine(FILE_FLAGS, args)
  const [id, ...more] = words
  if (id === undefined || more.length > 0) {
    throw new UsageError('One id is needed: lockable token revoke ID, as lockable token list shows it.')
  }
  const path = fileOf(texts.get('file') ?? [], env)
  const revoked = systemClock.wall()
  updateTokens(path, (records) => {
    if (!records.some((record) => record.id === id)) {
      throw new UsageError(`There is no token ${JSON.stringify(id)} in ${path}: see lockable token list.`)
    }
    return records.map((record) => (record.id === id ? { revoked, ...record } : record))
  })
  return `${id} is revoked\n`
}

function key(args: readonly string[]): string {
  const { file, namespace } = readFlags(KEY_FLAGS, args)
  const path = file.at(-1)
  const made = createCapabilityKey(namespace.length > 0 ? namespace : undefined)
  const text = `${JSON.stringify({ keys: [made] }, null, 2)}\n`
  if (path === undefined) return text
  createSecretFile(path, text)
  return `${path} is written: give it to the server as --capability-key, and to the backend that mints.\n`
}

function fileOf(given: readonly string[], env: Environment): string {
  const path = given.at(-1) ?? env.LOCKABLE_TOKENS_FILE
  if (path !== undefined && path !== '') return path
  throw new UsageError('--file is missing: give the file of the tokens, or set LOCKABLE_TOKENS_FILE.')
}

function rowOf({ id, namespace, rights, prefixes, created, expires, revoked }: TokenRecord): string[] {
  const shown = prefixes?.map((prefix) => JSON.stringify(prefix)).join(',') ?? '*'
  return [id, JSON.stringify(namespace), rights.join(','), shown, day(created), stateOf(expires, revoked)]
}

function stateOf(expires: number | undefined, revoked: number | undefined): string {
  if (revoked !== undefined) return `revoked ${day(revoked)}`
  if (expires === undefined) return 'good'
  return `${expires <= systemClock.wall() ? 'expired' : 'good until'} ${day(expires)}`
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
