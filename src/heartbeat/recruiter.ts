import type { CancelTimer } from '../core/ports.ts'
import { type Spawn, type WorkerFailure, WorkerHost, type WorkerHostOptions } from './worker-host.ts'

/** ms before another worker is tried, by how many were lost in a row; after the last of them none is. */
const RETRY_MS = [1_000, 5_000, 30_000]
/** ms after which a worker counts as one that works. */
const LIVED_MS = 60_000

/** One of the workers that may be started. */
export interface WorkerChoice {
  readonly spawn: Spawn
  /**
   * It comes with the package. What is wrong with it once is so for good: a Content Security Policy forbids it, or the
   * bundler did not bring the file. To try again would only write to the console again.
   */
  readonly isBuiltIn: boolean
}

export interface RecruiterOptions extends Omit<WorkerHostOptions, 'spawn' | 'ready' | 'failed'> {
  /** What to start, the best first; the next one if that fails. */
  readonly choices: readonly WorkerChoice[]
  readonly ready: (worker: WorkerHost) => void
  /** None could be started, or the one that was ready is gone. */
  readonly lost: (reason: string) => void
}

/** Finds a worker, and another one when that is lost; a few times, since what fails again and again is not worth it. */
export class Recruiter {
  readonly #options: RecruiterOptions
  #choices: readonly WorkerChoice[]
  #worker: WorkerHost | null = null
  #reasons: string[] = []
  #lost = 0
  #isClosed = false
  #cancelRetry: CancelTimer = () => {}

  constructor(options: RecruiterOptions) {
    this.#options = options
    this.#choices = options.choices
  }

  begin(): void {
    this.#reasons = []
    this.#try(this.#choices)
  }

  close(): void {
    this.#isClosed = true
    this.#cancelRetry()
    this.#worker?.close()
  }

  #try([choice, ...others]: readonly WorkerChoice[]): void {
    if (choice === undefined) return this.#noneToBeHad()
    const { now } = this.#options.page
    let readyAt: number | null = null
    try {
      const worker = new WorkerHost({
        ...this.#options,
        spawn: choice.spawn,
        ready: () => {
          readyAt = now()
          this.#options.ready(worker)
        },
        failed: (failure) => {
          if (readyAt === null) this.#unfit(choice, failure, others)
          else this.#died(failure.reason, now() - readyAt)
        },
      })
      this.#worker = worker
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#unfit(choice, { reason, isSilent: false }, others)
    }
  }

  #unfit(choice: WorkerChoice, { reason, isSilent }: WorkerFailure, others: readonly WorkerChoice[]): void {
    if (choice.isBuiltIn && !isSilent) this.#choices = this.#choices.filter((each) => each !== choice)
    this.#reasons.push(reason)
    this.#try(others)
  }

  #noneToBeHad(): void {
    this.#worker = null
    this.#options.lost(this.#reasons.join('; and then: '))
    this.#retry()
  }

  #died(reason: string, livedMs: number): void {
    this.#worker = null
    if (livedMs > LIVED_MS) this.#lost = 0
    this.#options.lost(reason)
    this.#retry()
  }

  #retry(): void {
    const ms = RETRY_MS[this.#lost]
    this.#lost += 1
    if (ms === undefined || this.#choices.length === 0 || this.#isClosed) return
    this.#cancelRetry = this.#options.page.setTimer(() => this.begin(), ms, true)
  }
}
