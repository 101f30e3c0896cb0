import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll } from 'vitest'

/** How a process ended, and all it wrote. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** What vitest and the person who runs it have set must not decide how a user's program behaves. */
const NOT_INHERITED =
  /^(CI$|FORCE_COLOR$|LOCKABLE_|VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|MODE$|DEV$|PROD$|SSR$|BASE_URL$)/

const running = new Set<Child>()

afterAll(async () => {
  await Promise.all([...running].map((child) => child.kill()))
})

/** A process of its own. It is killed when the test file is over, if it still runs. */
export class Child {
  readonly ended: Promise<Outcome>
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''

  constructor(command: string, args: readonly string[], { cwd, env }: StartOptions) {
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name))
    const child = spawn(command, args, {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      // A group of its own, so that what npx and shells start goes with them.
      detached: true,
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#process = child
    running.add(this)
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: null, stdout: this.#stdout, stderr: String(error) }))
      child.once('close', (code) => {
        running.delete(this)
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  /** The first line, already written or still to come, that matches. Rejects if the process ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const { stdout } = this.#process
    let over = false
    void this.ended.then(() => {
      over = true
    })
    for (;;) {
      const lines = this.#stdout.split('\n').slice(0, -1)
      const match = lines.map((line) => pattern.exec(line)).find((each) => each !== null)
      if (match) return match
      if (over || !stdout) throw new Error(`There is no line ${pattern} in what was written:\n${this.#written()}`)
      await Promise.race([this.ended, new Promise((resolve) => stdout.once('data', resolve))])
    }
  }

  /** Ends its input, for which programs wait here before they go on. */
  go(): void {
    this.#process.stdin?.end()
  }

  /** What the pattern finds first on stderr, already written or still to come: its first group. */
  async errorLine(pattern: RegExp): Promise<string> {
    const { stderr } = this.#process
    for (;;) {
      const match = pattern.exec(this.#stderr)
      if (match) return match[1] ?? ''
      if (!stderr || stderr.closed) throw new Error(`There is no ${pattern} in what was written:\n${this.#written()}`)
      await Promise.race([this.ended, new Promise((resolve) => stderr.once('data', resolve))])
    }
  }

  /** Sends it a signal, and nothing to what it started. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Kills it, with all that it started. */
  async kill(): Promise<void> {
    const { pid } = this.#process
    if (pid !== undefined && running.has(this)) {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    await this.ended
  }

  #written(): string {
    return `${this.#stdout}\n${this.#stderr}`
  }
}
