import { statusPath } from '../protocol/paths.ts'
import type { StatusReply } from '../protocol/wire.ts'
import { ask } from './ask.ts'
import { nameOf, readClientSettings, targetOf } from './client-settings.ts'
import { describeInfo, duration, printable } from './describe-locks.ts'
import type { Environment } from './flags.ts'
import { STATUS_FLAGS } from './look-flags.ts'
import { printTable } from './print-table.ts'

/** As `systemctl is-active` has it for what is not. */
const FREE = 3

/** Runs `lockable status`, and resolves to the exit code. */
export async function runStatusCommand(args: readonly string[], env: Environment): Promise<number> {
  const settings = readClientSettings(STATUS_FLAGS, args, env)
  const name = nameOf('status', [...settings.line.words, ...(settings.line.rest ?? [])])
  const status = await ask<StatusReply>(targetOf(settings), { method: 'GET', path: statusPath(name) })
  const isJson = settings.values.json.at(-1) === true
  process.stdout.write(isJson ? `${JSON.stringify({ name, ...status })}\n` : describe(name, status))
  return status.state === 'held' ? 0 : FREE
}

function describe(name: string, { state, fencing_token: token, holders, waiters }: StatusReply): string {
  const waiting = waiters === 0 ? '' : `, ${waiters} ${waiters === 1 ? 'waits' : 'wait'}`
  const last = token === null ? '' : `, ${state === 'held' ? '' : 'last '}fencing token ${token}`
  const line = `${printable(name)} is ${state}${waiting}${last}\n`
  if (state === 'free') return line
  const rows = holders.map(({ info, mode, since_ms: since, expires_in_ms: expires }) => {
    return [describeInfo(info), mode, duration(since), duration(expires)]
  })
  return `${line}\n${printTable([['HOLDER', 'MODE', 'FOR', 'ENDS IN'], ...rows])}`
}
