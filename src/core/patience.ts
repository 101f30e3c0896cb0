import { isLockableError, ServerError } from './errors.ts'
import type { Runtime } from './ports.ts'

/** How many attempts are made at least, unless the server never answered and time is up. */
const ATTEMPTS = 3
/** ms after which no attempt is begun any more before the server answered once. */
const FIRST_PATIENCE_MS = 15_000
/** ms without any answer after which a wait that was answered before is given up. */
const WAITING_PATIENCE_MS = 30_000
const FIRST_DELAY_MS = 150
const LONGEST_DELAY_MS = 3_000

/**
 * Decides how often a request without an answer is repeated: a few times at once for a server that never answered, so
 * that a wrong address is told soon, and for a while for one that did, so that a restart does not end a long wait.
 */
export class Patience {
  readonly #runtime: Runtime
  readonly #begun: number
  #answeredAt: number | null = null
  #failures = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#begun = runtime.now()
  }

  answered(): void {
    this.#answeredAt = this.#runtime.now()
    this.#failures = 0
  }

  /** ms to wait before the next attempt. Throws `error` when there should be none. */
  delayAfter(error: unknown): number {
    this.#failures += 1
    if (!isLockableError(error) || !(error.code === 'network' || error.code === 'server')) throw error
    const silent = this.#runtime.now() - (this.#answeredAt ?? this.#begun)
    const lost =
      this.#answeredAt === null
        ? this.#failures >= ATTEMPTS || silent >= FIRST_PATIENCE_MS
        : this.#failures >= ATTEMPTS && silent >= WAITING_PATIENCE_MS
    if (lost) throw error
    return backoffMs(this.#runtime, this.#failures, error)
  }
}

/** ms to wait after so many failures in a row, the last of them with `error`. */
export function backoffMs(runtime: Runtime, failures: number, error: unknown): number {
  const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1))
  const asked = error instanceof ServerError ? (error.retryAfterMs ?? 0) : 0
  return Math.max(backoff * (0.5 + runtime.random()), Math.min(asked, LONGEST_DELAY_MS))
}

/** What becomes of owners that come to nothing, one after the other. */
export const FRUITLESS = {
  /** How many in a row cannot be chance. */
  limit: 6,
  /** ms between two of them, doubled each time. */
  delayMs: 50,
} as const

/** What to reject with after so many. */
export function noGrantComes(name: string): ServerError {
  return new ServerError(
    `${FRUITLESS.limit} grants of ${JSON.stringify(name)} in a row were over before they could be used. ` +
      'Is the lease shorter than a request takes? Ask for a longer leaseDuration.',
    200,
    null,
  )
}
