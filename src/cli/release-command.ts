import { forceReleasePath } from '../protocol/paths.ts'
import type { ForceReleaseReply } from '../protocol/wire.ts'
import { ask } from './ask.ts'
import { nameOf, readClientSettings, targetOf } from './client-settings.ts'
import { printable } from './describe-locks.ts'
import type { Environment } from './flags.ts'
import { RELEASE_FLAGS } from './look-flags.ts'
import { UsageError } from './usage-error.ts'

/** Runs `lockable release`, and resolves to the exit code. */
export async function runReleaseCommand(args: readonly string[], env: Environment): Promise<number> {
  const settings = readClientSettings(RELEASE_FLAGS, args, env)
  const name = nameOf('release', [...settings.line.words, ...(settings.line.rest ?? [])])
  const { force, now: atOnce, json } = settings.values
  if (force.at(-1) !== true) {
    throw new UsageError('Only its holder can release a lock. To end the lease of a holder that is gone, add --force.')
  }
  const now = atOnce.at(-1) === true
  const reply = await ask<ForceReleaseReply>(targetOf(settings), {
    method: 'POST',
    path: forceReleasePath(name),
    body: { now },
  })
  const isJson = json.at(-1) === true
  process.stdout.write(isJson ? `${JSON.stringify({ name, ...reply })}\n` : describe(name, reply, now))
  return 0
}

function describe(name: string, { holders }: ForceReleaseReply, now: boolean): string {
  if (holders === 0) return `nobody holds ${printable(name)}\n`
  const who = holders === 1 ? '1 holder' : `${holders} holders`
  const how = now ? 'lost it' : 'will not be renewed: see lockable status for when it ends'
  return `${printable(name)}: ${who} ${how}\n`
}
