import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Environment } from './flags.ts'
import { type Guard, startGuard } from './run-guard.ts'

export interface ProcessOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Environment
  /** In the process group of this process, as a shell would start it; otherwise in one of its own. */
  readonly inForeground: boolean
  /** ms between SIGTERM and SIGKILL if this process dies. */
  readonly killAfterMs: number
}

/** How a command ended. */
export type ProcessEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals }
  /** It was never started. */
  | { readonly kind: 'failed'; readonly error: NodeJS.ErrnoException }

/** ms between looks at whether a process group is gone. */
const LOOK_MS = 20

/** A command that runs, with all that it starts if it has a process group of its own. */
export class CommandProcess {
  /** Its end; what it has started may go on. */
  readonly ended: Promise<ProcessEnd>
  readonly #child: ChildProcess
  readonly #guard: Guard
  readonly #hasGroup: boolean

  constructor({ program, args, env, inForeground, killAfterMs }: ProcessOptions) {
    // Windows has no process groups, and would open a window.
    this.#hasGroup = !inForeground && process.platform !== 'win32'
    this.#guard = startGuard(killAfterMs)
    this.#child = spawn(program, args, { stdio: 'inherit', env, detached: this.#hasGroup })
    this.#guard.watch(this.#target())
    this.ended = new Promise<ProcessEnd>((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        if (this.#child.pid === undefined) resolve({ kind: 'failed', error })
      })
      this.#child.once('exit', (code, signal) => {
        resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signalled', signal })
      })
    })
  }

  /** Sends a signal; does nothing if nobody is there any more. */
  signal(signal: NodeJS.Signals): void {
    this.#send(signal)
  }

  /**
   * Resolves when the command has ended, and all that it has started in its group. Not before somebody has waited for
   * them, which in a container may be nobody.
   */
  async gone(): Promise<void> {
    await this.ended
    if (!this.#hasGroup) return
    while (this.#send(0)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }

  /** From here on nothing happens to what it has started if this process dies. */
  letGo(): void {
    this.#guard.dismiss()
  }

  #send(signal: NodeJS.Signals | 0): boolean {
    const target = this.#target()
    if (target === null) return false
    if (!this.#hasGroup) return this.#child.kill(signal)
    try {
      return process.kill(target, signal)
    } catch {
      return false
    }
  }

  /** As kill(2) has it: negative for a group; `null` if it was never started. */
  #target(): number | null {
    const { pid } = this.#child
    if (pid === undefined) return null
    return this.#hasGroup ? -pid : pid
  }
}

/** The exit code that a shell gives to an end by `signal`. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
