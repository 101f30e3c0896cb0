import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { watchdog } from './watchdog.ts'

export interface GuardedProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Its output is appended to this file. */
  readonly log: string
  /** Default: as this process. */
  readonly user?: User | null
  /** Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv
}

/** The ids of a user and of its group. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/** A process that does not outlive this one. Its input stays open until `go()`. */
export class GuardedProcess {
  readonly #child: ChildProcess
  readonly #log: string
  readonly #ended: Promise<unknown>

  constructor({ command, args, cwd, log, user = null, env = process.env }: GuardedProcessOptions) {
    const output = openSync(log, 'a')
    this.#child = spawn(command, args, { cwd, env, stdio: ['pipe', output, output], detached: true, ...user })
    this.#child.stdin?.on('error', () => {})
    closeSync(output)
    this.#log = log
    this.#ended = once(this.#child, 'exit').catch(() => {})
    const { pid } = this.#child
    if (pid === undefined) return
    watchdog.guard({ pid })
    void this.#ended.then(() => watchdog.forget({ pid }))
  }

  /** 0 before it runs, if it cannot. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal)
  }

  /** Ends its input, for which programs wait before they go on. */
  go(): void {
    this.#child.stdin?.end()
  }

  /** Resolves when it has ended, to its exit code: `null` if a signal has ended it. */
  async ended(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  /** Asks it to end, and waits for that. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    // Who is stopped cannot hear.
    this.signal('SIGCONT')
    this.signal(signal)
    await this.#ended
  }

  /** Kills it together with the processes that it has started: none of them does anything more. */
  async kill(): Promise<void> {
    if (!this.isRunning) return
    const { pid = 0 } = this.#child
    // It starts no more of them while they are counted.
    this.signal('SIGSTOP')
    for (const each of [pid, ...(await childrenOf(pid))]) killProcess(each)
    await this.#ended
  }

  /** The end of what it wrote. */
  get lastWords(): string {
    try {
      return readFileSync(this.#log, 'utf8').slice(-2_000)
    } catch {
      return ''
    }
  }
}

/** Where there is no `/proc` the list is empty: they end by themselves a moment after their parent. */
async function childrenOf(pid: number): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => [])
  const numbers = entries.map(Number).filter(Number.isInteger)
  const parents = await Promise.all(numbers.map(parentOf))
  return numbers.filter((_, index) => parents[index] === pid)
}

async function parentOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name, in brackets, may have any character.
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return parent === undefined ? null : Number(parent)
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
