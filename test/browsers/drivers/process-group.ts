import { type ChildProcess, spawn } from 'node:child_process'

type Stdio = readonly ('ignore' | 'pipe')[]

export interface GroupOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Default: nothing is read or written. */
  readonly stdio?: Stdio
}

/** A program with all the processes that it starts. */
export class ProcessGroup {
  readonly process: ChildProcess
  readonly #ended: Promise<unknown>

  constructor(command: string, args: readonly string[], { env, stdio = ['ignore', 'ignore', 'ignore'] }: GroupOptions) {
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: [...stdio], detached: true })
    this.#ended = new Promise((resolve) => this.process.once('close', resolve))
    this.process.once('error', () => {})
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    signalGroup(this.process.pid, signal)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }
}

/** Signals all processes of the group that `leader` leads; does nothing if there is none any more. */
export function signalGroup(leader: number | undefined, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
