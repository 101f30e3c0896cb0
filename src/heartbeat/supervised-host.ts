import type { Beating, HeartbeatHost, HeartbeatHostOptions, HeartbeatReport } from '../core/heartbeat-host.ts'
import { termOf } from '../core/term.ts'
import type { BeatLoop } from './loop.ts'
import { pageHost } from './page-host.ts'
import { Recruiter, type WorkerChoice } from './recruiter.ts'
import type { WorkerHost } from './worker-host.ts'

export interface SupervisedHostOptions extends HeartbeatHostOptions {
  readonly url: string
  /** The workers to try, the best first, or why this thread is meant to beat. */
  readonly choices: readonly WorkerChoice[] | string
}

/** What is beaten for, as far as was heard of. */
interface Charge {
  readonly beating: Beating
  readonly isPaused: boolean
  /** A heartbeat is on its way. */
  readonly isUnanswered: boolean
}

/**
 * Beats from this thread until a worker is ready, from the worker then, and from this thread again when that one is lost.
 *
 * Only one of the two beats for a lock at a time. What the other had on its way when it was lost may yet arrive, which
 * does no harm: an owner is renewed twice, and without one each yes counts from when it was sent.
 */
export class SupervisedHost implements HeartbeatHost {
  readonly #options: SupervisedHostOptions
  readonly #page: BeatLoop
  readonly #recruiter: Recruiter | null
  readonly #charges = new Map<string, Charge>()
  /** Those on their way from this thread to the worker, until none of their heartbeats is on its way. */
  readonly #moving = new Map<string, Promise<void>>()
  #worker: WorkerHost | null = null
  #thread: 'worker' | 'page' | null = null
  #authToken: string | null = null

  constructor(options: SupervisedHostOptions) {
    this.#options = options
    const dispatch = (report: HeartbeatReport) => this.#hear(report)
    this.#page = pageHost({ page: options.page, dispatch })
    const { choices } = options
    if (typeof choices === 'string') {
      this.#recruiter = null
      this.#tellThread('page', choices, false)
      return
    }
    this.#recruiter = new Recruiter({
      ...options,
      choices,
      dispatch,
      ready: (worker) => this.#handOver(worker),
      lost: (reason) => this.takeOver(reason),
    })
    this.#recruiter.begin()
  }

  hold(beating: Beating): void {
    this.#charges.set(beating.id, { beating, isPaused: false, isUnanswered: false })
    if (!this.#moving.has(beating.id)) this.#host.hold(beating)
  }

  drop(id: string): Promise<void> {
    if (!this.#charges.delete(id)) return Promise.resolve()
    return this.#moving.get(id) ?? this.#host.drop(id)
  }

  pause(id: string, isPaused: boolean): void {
    const charge = this.#charges.get(id)
    if (!charge) return
    this.#charges.set(id, { ...charge, isPaused })
    if (!this.#moving.has(id)) this.#host.pause(id, isPaused)
  }

  nudge(all: boolean): void {
    this.#host.nudge(all)
  }

  setAuthToken(token: string | null): void {
    this.#authToken = token
    this.#host.setAuthToken(token)
  }

  close(): void {
    this.#charges.clear()
    this.#page.close()
    this.#recruiter?.close()
  }

  /** @internal The worker is lost, so this thread beats. Public so that the simulator can break it on purpose. */
  takeOver(reason: string): void {
    if (this.#worker !== null) {
      this.#worker = null
      this.#page.setAuthToken(this.#authToken)
      // The worker may have died with a heartbeat on its way, so the first one of this thread is due at once.
      for (const [id, charge] of this.#charges) if (!this.#moving.has(id)) this.#begin(charge, true)
    }
    this.#tellThread('page', reason, true)
  }

  get #host(): BeatLoop | WorkerHost {
    return this.#worker ?? this.#page
  }

  #hear(report: HeartbeatReport): void {
    const charge = this.#charges.get(report.id)
    if (!charge) return
    this.#charges.set(report.id, afterReport(charge, report))
    this.#options.dispatch(report)
  }

  #handOver(worker: WorkerHost): void {
    this.#worker = worker
    worker.setAuthToken(this.#authToken)
    this.#tellThread('worker', null, false)
    // What is still on its way from the last time goes to whoever beats when it arrives.
    for (const id of [...this.#charges.keys()]) if (!this.#moving.has(id)) this.#moving.set(id, this.#move(id))
  }

  /** A classic heartbeat must have ended before the worker sends one (safety rule 7). */
  async #move(id: string): Promise<void> {
    const wasUnanswered = this.#charges.get(id)?.isUnanswered ?? false
    await this.#page.drop(id)
    this.#moving.delete(id)
    const charge = this.#charges.get(id)
    if (charge) this.#begin(charge, wasUnanswered)
  }

  #begin({ beating, isPaused }: Charge, isDue: boolean): void {
    this.#host.hold({ ...beating, confirm: beating.confirm || isDue })
    if (isPaused) this.#host.pause(beating.id, true)
  }

  #tellThread(thread: 'worker' | 'page', reason: string | null, isLoss: boolean): void {
    if (this.#thread === thread) return
    this.#thread = thread
    this.#options.threadChanged({ thread, reason, isLoss })
  }
}

function afterReport(charge: Charge, report: HeartbeatReport): Charge {
  const { beating } = charge
  switch (report.type) {
    case 'sent':
      return { ...charge, isUnanswered: true }
    case 'renewed': {
      const term = termOf(report.sentAt, report.expiresInMs)
      return { ...charge, beating: { ...beating, term, confirm: false }, isUnanswered: false }
    }
    case 'failed':
      return { ...charge, isUnanswered: false }
    default:
      return charge
  }
}
