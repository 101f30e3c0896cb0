import { hostname } from 'node:os'
import { nameOf, readClientSettings, type Target, targetOf } from './client-settings.ts'
import type { Environment } from './flags.ts'
import { EXIT } from './run-exit.ts'
import { RUN_FLAGS } from './run-flags.ts'
import { UsageError } from './usage-error.ts'

/** What `lockable run` was asked to do. */
export interface RunCommand {
  readonly name: string
  readonly target: Target
  /** The program and its arguments. */
  readonly program: string
  readonly args: readonly string[]
  readonly isBlocking: boolean
  /** How long to wait for the lock, in ms; `null`: for ever. */
  readonly timeoutMs: number | null
  readonly conflictExitCode: number
  readonly isShared: boolean
  /** The lease to ask for, in ms; `null`: the server's own. */
  readonly leaseMs: number | null
  readonly info: string
  readonly killAfterMs: number
  readonly inForeground: boolean
  readonly isVerbose: boolean
}

const KILL_AFTER_MS = 5_000

/** Reads what `lockable run` was asked to do. Throws a `UsageError`. */
export function readRunCommand(args: readonly string[], env: Environment): RunCommand {
  const settings = readClientSettings(RUN_FLAGS, args, env)
  const { words, rest } = settings.line
  const name = nameOf('run', words)
  const [program, ...programArgs] = rest ?? []
  if (program === undefined || program === '') {
    throw new UsageError(`The command is missing: lockable run ${name} -- COMMAND, with -- before it.`)
  }
  const { values: given } = settings
  const timeoutMs = given.timeout.at(-1) ?? null
  return {
    name,
    target: targetOf(settings),
    program,
    args: programArgs,
    isBlocking: given['non-blocking'].at(-1) !== true && timeoutMs !== 0,
    timeoutMs: timeoutMs === 0 ? null : timeoutMs,
    conflictExitCode: given['conflict-exit-code'].at(-1) ?? EXIT.conflict,
    isShared: given.shared.at(-1) ?? false,
    leaseMs: given.lease.at(-1) ?? null,
    info: given.info.at(-1) ?? `${hostname()}, process ${process.pid}`,
    killAfterMs: given['kill-after'].at(-1) ?? KILL_AFTER_MS,
    inForeground: given.foreground.at(-1) ?? false,
    isVerbose: given.verbose.at(-1) ?? false,
  }
}
