import type { Json, LockMode, Steal } from '../protocol/wire.ts'
import { acquireClassic } from './classic-acquisition.ts'
import type { Connection } from './connection.ts'
import { InvalidArgumentError, isLockableError, ServerError } from './errors.ts'
import type { EventBody } from './events.ts'
import { acquireOwned } from './owned-acquisition.ts'
import type { Runtime } from './ports.ts'
import type { Term } from './term.ts'

/** One call of `acquire()`, with all that it may need. */
export interface Acquisition {
  readonly runtime: Runtime
  readonly connection: Connection
  /** The id of the `Lock`. */
  readonly lock: string
  readonly name: string
  /** The lease to ask for, in ms, or `null` for the server's own. */
  readonly leaseMs: number | null
  readonly mode: LockMode
  readonly steal: Steal | null
  readonly info: Json | undefined
  readonly blocking: boolean
  /** ms between polls where the server cannot queue. */
  readonly retryIntervalMs: number
  /** Aborts when the caller no longer wants the lock, with the reason to reject with. */
  readonly givenUp: AbortSignal
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal
  readonly emit: (event: EventBody) => void
  /** Lets something go on after `acquire()` has settled, and `close()` wait for it. */
  readonly background: (task: Promise<unknown>) => void
  /** Whether this client holds the name by another grant. */
  readonly heldHere: () => boolean
}

/** A lock that was granted, before anybody believes in it. */
export interface Grant {
  /** `null` in the classic dialect. */
  readonly owner: string | null
  readonly term: Term
  readonly fencingToken: number | null
  /** What a heartbeat restores, in ms. */
  readonly leaseMs: number
  readonly waitedMs: number
  /** A claim out of the queue: the first heartbeat is due at once. */
  readonly confirm: boolean
}

/** Thrown when a POST shows that the server is a classic one. `granted` if that POST was itself answered. */
export class ClassicServerFound {
  readonly answer: { readonly granted: boolean; readonly term: Term } | null

  constructor(answer: ClassicServerFound['answer']) {
    this.answer = answer
  }
}

/** Waits until the lock is granted. Rejects with why it was not; then nothing of it is left at the server. */
export async function acquire(acquisition: Acquisition): Promise<Grant> {
  const { connection } = acquisition
  acquisition.givenUp.throwIfAborted()
  try {
    if (connection.dialect === 'classic') return await acquireClassic(acquisition, null)
    return await acquireOwned(acquisition)
  } catch (error) {
    if (!(error instanceof ClassicServerFound)) throw error
    connection.learn('classic')
    return acquireClassic(acquisition, error.answer)
  }
}

/** Rejects what only an owned server can do. */
export function refuseOwnedOptions({ mode, steal, name }: Acquisition): void {
  const option = mode === 'shared' ? "mode: 'shared'" : steal === null ? null : `steal: '${steal}'`
  if (option === null) return
  throw new InvalidArgumentError(
    `${option} needs a server that speaks the owned dialect, and this one is a classic one: leave it out for ${JSON.stringify(name)}.`,
  )
}

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
    const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1))
    const asked = error instanceof ServerError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(backoff * (0.5 + this.#runtime.random()), Math.min(asked, LONGEST_DELAY_MS))
  }
}
