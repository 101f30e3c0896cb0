import { LOCKS_PATH } from '../protocol/paths.ts'
import { type LocksReply, MAX_LISTED_LOCKS } from '../protocol/wire.ts'
import { ask } from './ask.ts'
import { readClientSettings, type Target, targetOf } from './client-settings.ts'
import { describeHolders, duration, printable } from './describe-locks.ts'
import { type Environment, refuseWords } from './flags.ts'
import { LOCKS_FLAGS } from './look-flags.ts'
import { printTable } from './print-table.ts'

type Listed = LocksReply['locks'][number]

/** Runs `lockable locks`, and resolves to the exit code. */
export async function runLocksCommand(args: readonly string[], env: Environment): Promise<number> {
  const settings = readClientSettings(LOCKS_FLAGS, args, env)
  refuseWords(settings.line)
  const locks = await all(targetOf(settings), settings.values.prefix.at(-1) ?? '')
  const isJson = settings.values.json.at(-1) === true
  process.stdout.write(isJson ? `${JSON.stringify(locks)}\n` : describe(locks))
  return 0
}

/** All pages. What changes meanwhile may be seen or not. */
async function all(target: Target, prefix: string): Promise<Listed[]> {
  const locks: Listed[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({
      limit: String(MAX_LISTED_LOCKS),
      ...(prefix !== '' && { prefix }),
      ...(cursor !== '' && { cursor }),
    })
    const page: LocksReply = await ask<LocksReply>(target, { method: 'GET', path: `${LOCKS_PATH}?${query}` })
    locks.push(...page.locks)
    cursor = page.cursor
  }
  return locks
}

function describe(locks: readonly Listed[]): string {
  if (locks.length === 0) return 'no locks are held or waited for\n'
  const rows = locks.map(({ name, mode, holders, waiters }) => [
    printable(name),
    mode ?? 'free',
    describeHolders(holders),
    durationOf(holders.map(({ since_ms: since }) => since)),
    durationOf(holders.map(({ expires_in_ms: expires }) => expires)),
    String(waiters),
  ])
  return printTable([['NAME', 'MODE', 'HOLDER', 'FOR', 'ENDS IN', 'WAITERS'], ...rows])
}

/** The longest, since a lock that is shared is free when the last of its holders has gone. */
function durationOf(each: readonly number[]): string {
  return each.length === 0 ? '-' : duration(Math.max(...each))
}
