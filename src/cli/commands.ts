import type { Environment } from './flags.ts'
import { commandHelp, type Help } from './help.ts'
import { LOCKS_FLAGS, RELEASE_FLAGS, STATUS_FLAGS } from './look-flags.ts'
import { EXIT } from './run-exit.ts'
import { RUN_FLAGS } from './run-flags.ts'
import { SERVE_FLAGS } from './serve-flags.ts'

/** A command of `lockable`. What it needs is loaded when it runs, so that `run` starts without a server in it. */
export interface Command {
  readonly usage: string
  readonly summary: string
  help(): Promise<string>
  /** Resolves to the exit code. */
  run(args: readonly string[], env: Environment): Promise<number>
  /** The exit code if it was called wrongly. */
  readonly usageExitCode: number
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: command({
    usage: 'serve [flags]',
    summary: 'run a lock server',
    about: 'Runs a lock server. Prints one line when it is ready, and ends on SIGTERM or SIGINT.',
    flags: SERVE_FLAGS,
    notes: `Tokens that are given here may do everything but end the leases of others; lockable token makes some with rights of
their own. What is set apart by commas in a variable is repeated as a flag, and a list in the file.`,
    async run(args, env) {
      const { runServeCommand } = await import('./serve-command.ts')
      return runServeCommand(args, env)
    },
  }),
  run: command({
    usage: 'run NAME [flags] -- COMMAND [ARGUMENT…]',
    summary: 'run a command while holding a lock, as flock does',
    about: `Waits for the lock NAME, runs COMMAND while it is held, and releases it. COMMAND has LOCKABLE_LOCK_NAME and
LOCKABLE_FENCING_TOKEN in its environment.`,
    flags: RUN_FLAGS,
    notes: `It exits with the code of COMMAND, or with 128 and the number of the signal that ended it, and otherwise with
  1    the lock was not to be had (--conflict-exit-code)
  ${EXIT.usage}   it was called wrongly
  ${EXIT.unavailable}   the lock server cannot be reached, or does not answer
  ${EXIT.system}   COMMAND could not be started for want of memory or processes
  ${EXIT.lost}   the lock was lost: COMMAND was ended, and may not have done its work
  ${EXIT.denied}   the lock server refused the token
  ${EXIT.notExecutable}  COMMAND cannot be executed
  ${EXIT.notFound}  COMMAND was not found`,
    usageExitCode: EXIT.usage,
    async run(args, env) {
      const { runRunCommand } = await import('./run-command.ts')
      return runRunCommand(args, env)
    },
  }),
  status: command({
    usage: 'status NAME [flags]',
    summary: 'who holds a lock, and how many wait',
    about: 'Tells who holds the lock NAME, and how many wait for it. It takes nothing.',
    flags: STATUS_FLAGS,
    notes:
      'It exits with 0 if the lock is held, 3 if it is free, 1 if that could not be found out, 2 if called wrongly.',
    async run(args, env) {
      const { runStatusCommand } = await import('./status-command.ts')
      return runStatusCommand(args, env)
    },
  }),
  locks: command({
    usage: 'locks [flags]',
    summary: 'all locks that are held or waited for',
    about: 'Lists the locks that anybody holds or waits for, by name.',
    flags: LOCKS_FLAGS,
    notes: 'It exits with 0, with 1 if they could not be found out, and with 2 if called wrongly.',
    async run(args, env) {
      const { runLocksCommand } = await import('./locks-command.ts')
      return runLocksCommand(args, env)
    },
  }),
  release: command({
    usage: 'release NAME --force [flags]',
    summary: 'end the leases of whoever holds a lock',
    about: `Ends the leases of all who hold the lock NAME, which takes the right "admin". Each of them keeps the lock to the end of
its present lease, at most, and is told; then the next one gets it. With --now it is free at once, and its holder goes
on until it hears of it: for those that are known to be dead.`,
    flags: RELEASE_FLAGS,
    notes: 'It exits with 0, also if nobody holds it, with 1 if it failed, and with 2 if called wrongly.',
    async run(args, env) {
      const { runReleaseCommand } = await import('./release-command.ts')
      return runReleaseCommand(args, env)
    },
  }),
  token: {
    usage: 'token COMMAND [flags]',
    summary: 'make, list and revoke tokens, make a key for capabilities',
    usageExitCode: 2,
    async help() {
      const { tokenHelp } = await import('./token-command.ts')
      return tokenHelp()
    },
    async run(args, env) {
      const { runTokenCommand } = await import('./token-command.ts')
      process.stdout.write(await runTokenCommand(args, env))
      return 0
    },
  },
}

function command({
  run,
  usageExitCode = 2,
  ...help
}: Help & { readonly run: Command['run']; readonly usageExitCode?: number }): Command {
  const { usage, summary } = help
  return { usage, summary, usageExitCode, run, help: async () => commandHelp(help) }
}
