import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../engines/free-port.ts'
import type { GuardedProcess } from '../engines/guarded-process.ts'
import { until } from '../engines/until.ts'
import type { StoreUnderTest } from './store-under-test.ts'
import type { Workplace } from './workplace.ts'

const ANSWER_MS = 1_000
const RETRY_MS = 20
/** It says that it is gone within 10 s. */
const END_MS = 12_000

/** One `lockable serve`, which comes back at its address. */
export class LockServer {
  readonly name: string
  readonly url: string
  /** How it came to an end that nobody wanted. */
  readonly troubles: string[] = []
  readonly #start: () => GuardedProcess
  /** Whether it may end by itself before it answers, as without an engine, and is started again then. */
  readonly #mayStartInVain: boolean
  #process: GuardedProcess
  /** Whether it should run: whoever ends it says so before. */
  #isWanted = false

  private constructor(name: string, url: string, start: () => GuardedProcess, mayStartInVain: boolean) {
    this.name = name
    this.url = url
    this.#start = start
    this.#mayStartInVain = mayStartInVain
    this.#process = this.#begin()
  }

  /** Resolves when it answers. */
  static async start(workplace: Workplace, name: string, { flags, faults }: StoreUnderTest): Promise<LockServer> {
    const port = await freePort()
    const start = () => workplace.lockable(`${name}.log`, 'serve', '--port', String(port), ...flags)
    const server = new LockServer(name, `http://127.0.0.1:${port}`, start, faults.length > 0)
    await server.#ready()
    return server
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    this.#isWanted = false
    return this.#process.kill()
  }

  /** SIGTERM; resolves when it has ended, which it must do in good order and in time. */
  async terminate(): Promise<void> {
    this.#isWanted = false
    const ended = this.#process.end().then(() => this.#process.ended())
    const code = await Promise.race([ended, sleep(END_MS, 'too late' as const, { ref: false })])
    if (code !== 0) this.troubles.push(`${this.name} was told to end, and did with ${code}: ${this.#process.lastWords}`)
    await this.#process.kill()
  }

  /** Starts it again; resolves when it answers. */
  async revive(): Promise<void> {
    this.#process = this.#begin()
    await this.#ready()
  }

  /** SIGSTOP for `ms`. */
  async freeze(ms: number): Promise<void> {
    this.#process.signal('SIGSTOP')
    await sleep(ms)
    this.#process.signal('SIGCONT')
  }

  async #ready(): Promise<void> {
    const answers = async () => {
      if (!this.#process.isRunning && this.#mayStartInVain) this.#process = this.#begin()
      const response = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) })
      return response.ok
    }
    await until(`The start of ${this.name}`, answers, { every: RETRY_MS, explain: () => this.#process.lastWords })
    this.#isWanted = true
  }

  #begin(): GuardedProcess {
    const process = this.#start()
    void process.ended().then((code) => {
      if (!this.#isWanted || process !== this.#process) return
      this.troubles.push(`${this.name} ended by itself with code ${code}: ${process.lastWords}`)
    })
    return process
  }
}
