import { type CouldNotAcquireLockError, isLockableError, type LockableError } from '../core/errors.ts'
import type { LockableEvent } from '../core/events.ts'
import { Lockable } from '../lockable.ts'
import { describeHolders, duration } from './describe-locks.ts'
import type { Environment } from './flags.ts'
import { acquireFor } from './run-acquire.ts'
import { EXIT } from './run-exit.ts'
import { holdWhileRunning } from './run-hold.ts'
import { exitCodeOf } from './run-process.ts'
import { type RunCommand, readRunCommand } from './run-settings.ts'
import { Signals } from './run-signals.ts'
import { tell } from './tell.ts'

/** ms between heartbeats. */
const LONGEST_INTERVAL_MS = 5_000

/** Runs `lockable run`, and resolves to the exit code. Rejects with a `UsageError`. */
export async function runRunCommand(args: readonly string[], env: Environment): Promise<number> {
  const command = readRunCommand(args, env)
  try {
    const end = await runLocked(command, env)
    return end === 'SIGINT' ? endedBy(end) : end
  } catch (error) {
    if (error instanceof Interrupted) return endedBy(error.signal)
    if (!isLockableError(error)) throw error
    return explain(error, command)
  }
}

async function runLocked(command: RunCommand, env: Environment): Promise<number | 'SIGINT'> {
  const { url, authToken } = command.target
  const client = new Lockable({
    url,
    heartbeatInterval: heartbeatIntervalFor(command.leaseMs),
    ...(authToken !== null && { authToken }),
  })
  if (command.isVerbose) client.subscribe(narrate)
  const interruption = new AbortController()
  const signals = new Signals(command.inForeground, (signal) => interruption.abort(new Interrupted(signal)))
  try {
    const lease = await acquireFor(client, command, interruption.signal)
    return await holdWhileRunning({ client, lease, command, env, signals })
  } finally {
    await client.close()
    signals.close()
  }
}

/** Shorter than it needs to be for a long lease, since an operator who takes the lock away is heard of by a heartbeat. */
function heartbeatIntervalFor(leaseMs: number | null): number {
  return leaseMs === null ? LONGEST_INTERVAL_MS : Math.min(LONGEST_INTERVAL_MS, Math.ceil(leaseMs / 3))
}

/** A signal ended the wait for the lock. */
class Interrupted extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`${signal} ended the wait.`)
    this.signal = signal
  }
}

/**
 * The exit code after `signal`. After SIGINT this process dies of it: where a shell sees that a program took Ctrl-C and
 * went on, it goes on with its script.
 */
function endedBy(signal: NodeJS.Signals): number {
  if (signal === 'SIGINT' && process.platform !== 'win32') process.kill(process.pid, 'SIGINT')
  return exitCodeOf(signal)
}

/** Says why there was no lock, and resolves to the exit code. A conflict is silent, as it is with `flock`. */
function explain(error: LockableError, { name, conflictExitCode, isVerbose }: RunCommand): number {
  const isConflict = error.code === 'could-not-acquire' || error.code === 'timeout'
  if (!isConflict || isVerbose) tell(messageOf(error, name))
  if (isConflict) return conflictExitCode
  switch (error.code) {
    case 'invalid-argument':
      return EXIT.usage
    case 'authentication':
      return EXIT.denied
    default:
      return EXIT.unavailable
  }
}

function messageOf(error: LockableError, name: string): string {
  const { holders } = error as Partial<CouldNotAcquireLockError>
  if (holders === undefined) return error.message
  return `${JSON.stringify(name)} is held by ${describeHolders(holders)}.`
}

function narrate(event: LockableEvent): void {
  switch (event.type) {
    case 'acquire.waiting':
      return tell(`waiting for ${JSON.stringify(event.name)}, held by ${describeHolders(event.holders)}.`)
    case 'granted':
      return tell(`holding ${JSON.stringify(event.name)} after ${duration(event.waitedMs)}.`)
    case 'acquire.retried':
    case 'heartbeat.failed':
      return tell(event.error.message)
    case 'released':
      return tell(`releasing ${JSON.stringify(event.name)}.`)
  }
}
