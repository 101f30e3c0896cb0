import { within } from '../core/async.ts'
import { diagnose } from '../core/diagnosis.ts'
import type { Lease } from '../core/lease.ts'
import type { Loss, LossCause } from '../core/loss.ts'
import type { Lockable } from '../lockable.ts'
import { platformClock } from '../platform/clock.ts'
import { platformTimers } from '../platform/timers.ts'
import { duration } from './describe-locks.ts'
import type { Environment } from './flags.ts'
import { EXIT } from './run-exit.ts'
import { watchLease } from './run-lease.ts'
import { CommandProcess, exitCodeOf, type ProcessEnd } from './run-process.ts'
import type { RunCommand } from './run-settings.ts'
import type { Signals } from './run-signals.ts'
import { tell } from './tell.ts'

/** What does not matter as long as it is shorter than the lease. */
const BRIDGED_BY_LEASE: ReadonlySet<LossCause> = new Set<LossCause>(['frozen', 'offline', 'server-error', 'too-slow'])

/** ms for which the answer to a release is waited for. */
const RELEASE_PATIENCE_MS = 5_000

export interface HoldOptions {
  readonly client: Lockable
  readonly lease: Lease
  readonly command: RunCommand
  readonly env: Environment
  readonly signals: Signals
}

/**
 * Runs the command, and ends it if the lease cannot be kept; then releases. Resolves to the exit code, or to `SIGINT` if
 * that ended the command.
 */
export async function holdWhileRunning(options: HoldOptions): Promise<number | 'SIGINT'> {
  const { client, lease, command, env, signals } = options
  const { killAfterMs, program } = command
  const child = new CommandProcess({ ...command, env: environmentFor(lease, env) })
  signals.forward(child, () => lease.state === 'held')
  const eviction = new Eviction(child, killAfterMs)
  const stopWatching = watchLease(lease, {
    timers: platformTimers,
    earlyMs: killAfterMs,
    endsSoon: (remainingMs) => {
      const reason = describeLoss(prospect(client, lease))
      tell(`the lock ${quote(lease)} ends in ${duration(remainingMs)}, so the command is ended. ${reason}`)
      eviction.begin()
    },
    lost: () => {
      tell(`the lock ${quote(lease)} is lost, so the command is ended. ${describeLoss(lease.loss)}`)
      eviction.lost()
    },
  })
  const end = await child.ended
  await eviction.done()
  stopWatching()
  child.letGo()
  if (end.kind === 'failed') tell(`${JSON.stringify(program)} cannot be run: ${messageOf(end.error)}.`)
  const isKept = await release(lease, eviction.hasBegun)
  return isKept ? codeOf(end) : EXIT.lost
}

/** Ends a command that may not go on: SIGTERM, and SIGKILL when its time is over. */
class Eviction {
  readonly #child: CommandProcess
  readonly #killAfterMs: number
  readonly #killed: Promise<void>
  #kill: () => void = () => {}
  #hasBegun = false

  constructor(child: CommandProcess, killAfterMs: number) {
    this.#child = child
    this.#killAfterMs = killAfterMs
    this.#killed = new Promise((resolve) => {
      this.#kill = () => {
        child.signal('SIGKILL')
        resolve()
      }
    })
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** The lock is still held for a while. */
  begin(): void {
    this.#hasBegun = true
    this.#child.signal('SIGTERM')
    // One that is stopped would not hear it.
    this.#child.signal('SIGCONT')
  }

  /** The lock is not held any more: who was told in time had its time. */
  lost(): void {
    if (this.#hasBegun || this.#killAfterMs === 0) {
      this.#hasBegun = true
      return this.#kill()
    }
    this.begin()
    platformTimers.setTimer(this.#kill, this.#killAfterMs)
  }

  /** Resolves when nothing of a command that was to be ended runs any more. */
  async done(): Promise<void> {
    if (this.#hasBegun) await Promise.race([this.#child.gone(), this.#killed])
  }
}

/** What the command is told, so that it can give the fencing token with each write. */
function environmentFor({ name, fencingToken }: Lease, env: Environment): Environment {
  const { LOCKABLE_FENCING_TOKEN: _outer, ...rest } = env
  const token = fencingToken === null ? {} : { LOCKABLE_FENCING_TOKEN: String(fencingToken) }
  return { ...rest, LOCKABLE_LOCK_NAME: name, ...token }
}

/** Why a lease will be lost that is still held. */
function prospect(client: Lockable, { id }: Lease): Loss {
  const now = { at: platformClock.now() - platformClock.slept(), wall: platformClock.wall() }
  return diagnose({ kind: 'expired' }, id, client.history(), now)
}

/** Why a lock is lost. The advice that comes with it is for programmers. */
function describeLoss(loss: Loss | null): string {
  if (loss === null) return ''
  return BRIDGED_BY_LEASE.has(loss.cause) ? `${loss.sentence} A longer --lease bridges longer gaps.` : loss.sentence
}

/** Resolves to whether the lock was held from the beginning of the command to its end. */
async function release(lease: Lease, wasEvicted: boolean): Promise<boolean> {
  if (lease.state === 'lost') {
    if (!wasEvicted) tell(`the lock ${quote(lease)} was lost when the command ended. ${describeLoss(lease.loss)}`)
    return false
  }
  const left = lease.remaining()
  let outcome: 'released' | 'gone' | 'unknown' = 'unknown'
  const settled = lease.release().then(
    (wasHeld) => {
      outcome = wasHeld ? 'released' : 'gone'
    },
    () => {},
  )
  await within(platformTimers, settled, RELEASE_PATIENCE_MS, null).catch(() => {})
  return !wasEvicted && tellRelease(lease, outcome, left)
}

function tellRelease(lease: Lease, outcome: 'released' | 'gone' | 'unknown', leftMs: number): boolean {
  if (outcome === 'unknown') {
    tell(`the lock ${quote(lease)} could not be released: it is free in ${duration(leftMs)} at the latest.`)
  }
  if (outcome === 'gone') {
    tell(`the server did not have the lock ${quote(lease)} for us any more, so others may have held it meanwhile.`)
  }
  return outcome !== 'gone'
}

function codeOf(end: ProcessEnd): number | 'SIGINT' {
  switch (end.kind) {
    case 'exited':
      return end.code
    case 'signalled':
      return end.signal === 'SIGINT' ? end.signal : exitCodeOf(end.signal)
    case 'failed':
      return codeOfFailure(end.error)
  }
}

function codeOfFailure({ code }: NodeJS.ErrnoException): number {
  if (code === 'ENOENT') return EXIT.notFound
  return code === 'EAGAIN' || code === 'ENOMEM' ? EXIT.system : EXIT.notExecutable
}

function messageOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such program'
  return code === 'EACCES' ? 'it is not executable' : message
}

function quote({ name }: Lease): string {
  return JSON.stringify(name)
}
