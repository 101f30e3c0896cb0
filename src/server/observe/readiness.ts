import type { ServerClock } from '../clock.ts'
import type { LockStore } from '../store.ts'

/** A store that takes longer than this counts as one that does not answer, in ms. */
const ANSWER_MS = 2_000

/** Probes in between are told the same, in ms: strangers may ask, and each answer costs a step. */
const KEPT_MS = 1_000

/**
 * The reply to `GET /readyz`. `draining`: the server is going away. `store`: the store does not answer. `grace`: it has
 * just started and grants nothing yet.
 */
export type ReadyReply =
  | { status: 'ready' }
  | { status: 'not-ready'; reason: 'draining' | 'store' }
  | { status: 'not-ready'; reason: 'grace'; retry_after_ms: number }

export interface ReadinessContext {
  readonly store: LockStore
  readonly clock: ServerClock
  readonly isDraining: () => boolean
}

/** Whether requests should be sent here. */
export class Readiness {
  readonly #context: ReadinessContext
  #lookedAt = Number.NEGATIVE_INFINITY
  #isLooking = false
  #answer: Promise<boolean> = Promise.resolve(false)

  constructor(context: ReadinessContext) {
    this.#context = context
  }

  /** Takes no longer than 2 s. */
  async look(): Promise<ReadyReply> {
    const { store, isDraining } = this.#context
    if (isDraining()) return { status: 'not-ready', reason: 'draining' }
    if (!(await this.#storeAnswers())) return { status: 'not-ready', reason: 'store' }
    const { graceMs = 0 } = store
    if (graceMs > 0) return { status: 'not-ready', reason: 'grace', retry_after_ms: Math.ceil(graceMs) }
    return { status: 'ready' }
  }

  #storeAnswers(): Promise<boolean> {
    const now = this.#context.clock.now()
    if (this.#isLooking || now < this.#lookedAt + KEPT_MS) return this.#answer
    this.#lookedAt = now
    this.#isLooking = true
    this.#answer = this.#ask().finally(() => {
      this.#isLooking = false
    })
    return this.#answer
  }

  #ask(): Promise<boolean> {
    const { store, clock } = this.#context
    return new Promise((resolve) => {
      const cancelTimer = clock.setTimer(() => resolve(false), ANSWER_MS)
      store
        // Of a lock that nobody has, which changes nothing.
        .inspect({ namespace: '', name: 'readyz' })
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(cancelTimer)
    })
  }
}
