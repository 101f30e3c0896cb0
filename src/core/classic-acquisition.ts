import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type Acquisition, type Grant, refuseOwnedOptions } from './acquisition.ts'
import { abandonable, linkAborts, pause } from './async.ts'
import { classicRequest, readClassic, sendRelease } from './calls.ts'
import { instant } from './clock.ts'
import { REQUEST_TIMEOUT_MS } from './connection.ts'
import { CouldNotAcquireLockError, describeError, NetworkError } from './errors.ts'
import { Patience } from './patience.ts'
import { classicTerm, remaining, type Term } from './term.ts'

/** The server's word: a term, `null` for no, `undefined` if it was not asked yet. */
type Answer = Term | null | undefined

/** Acquires from a classic server: asks, and asks again with jitter. */
export async function acquireClassic(acquisition: Acquisition): Promise<Grant> {
  refuseOwnedOptions(acquisition)
  const asking = new ClassicAsking(acquisition)
  try {
    return await askUntilGranted(acquisition, asking)
  } catch (error) {
    asking.abandon()
    throw error
  }
}

async function askUntilGranted(acquisition: Acquisition, asking: ClassicAsking): Promise<Grant> {
  const { runtime, lock, name, givenUp, emit, retryIntervalMs } = acquisition
  const patience = new Patience(runtime)
  let answer: Answer
  for (;;) {
    let delay = retryIntervalMs * (0.75 + 0.5 * runtime.random())
    try {
      if (answer === undefined) answer = await asking.ask()
      patience.answered()
      if (answer === null) asking.refused()
      else if (remaining(answer, runtime) > 0) return asking.accept(answer)
    } catch (error) {
      givenUp.throwIfAborted()
      delay = patience.delayAfter(error)
      emit({ type: 'acquire.retried', lock, name, error: describeError(error) })
    }
    answer = await asking.pause(delay)
  }
}

/**
 * The requests of one classic acquisition. None is cut off: without an owner, a grant whose reply nobody hears would
 * block everybody for a lease. So a reply that took too long is still heard: it is the grant if the wait goes on, and
 * is handed back if not.
 */
class ClassicAsking {
  readonly #acquisition: Acquisition
  #attempts = 0
  #late: Term | undefined
  #state: 'open' | 'accepted' | 'abandoned' = 'open'
  #wake: () => void = () => {}

  constructor(acquisition: Acquisition) {
    this.#acquisition = acquisition
  }

  /** Asks once. Resolves to the term if it was granted, to `null` if somebody holds. */
  async ask(): Promise<Term | null> {
    const { runtime, name, givenUp } = this.#acquisition
    const impatience = linkAborts([givenUp])
    const timeout = new NetworkError(
      `No answer to the acquire of ${JSON.stringify(name)} within ${REQUEST_TIMEOUT_MS} ms.`,
      true,
    )
    const cancel = runtime.setTimer(() => impatience.abort(timeout), REQUEST_TIMEOUT_MS)
    try {
      return await abandonable(this.#send(), impatience.signal, (late) => late && this.#arriveLate(late))
    } finally {
      cancel()
      impatience.undo()
    }
  }

  /** Waits, and resolves to the term of a grant that arrived late meanwhile. */
  async pause(ms: number): Promise<Term | undefined> {
    const { runtime, givenUp } = this.#acquisition
    if (this.#late === undefined) {
      const woken = new Promise<void>((wake) => {
        this.#wake = wake
      })
      await Promise.race([woken, pause(runtime, ms, givenUp)])
    }
    const term = this.#late
    this.#late = undefined
    return term
  }

  refused(): void {
    const { lock, name, blocking, emit } = this.#acquisition
    if (!blocking) {
      throw new CouldNotAcquireLockError(`${JSON.stringify(name)} is held. Leave blocking out to wait for it.`, [])
    }
    emit({ type: 'acquire.waiting', lock, name, position: null, holders: [] })
  }

  accept(term: Term): Grant {
    const { givenUp, leaseMs } = this.#acquisition
    if (givenUp.aborted) {
      this.#late = term
      throw givenUp.reason
    }
    this.#state = 'accepted'
    return {
      owner: null,
      term,
      fencingToken: null,
      leaseMs: leaseMs ?? CLASSIC_LEASE_MS,
      waitedMs: 0,
      confirm: false,
      place: null,
    }
  }

  /** Nobody wants the lock any more: what was granted late is handed back, also if it arrives later still. */
  abandon(): void {
    this.#state = 'abandoned'
    if (this.#late !== undefined) this.#arriveLate(this.#late)
  }

  async #send(): Promise<Term | null> {
    const { runtime, connection, name, leaseMs, lock, emit, givenUp } = this.#acquisition
    const options = { timeoutMs: leaseMs ?? CLASSIC_LEASE_MS }
    let sentAt = instant(runtime)
    const reply = await connection.withToken((authToken) => {
      this.#attempts += 1
      emit({ type: 'acquire.sent', lock, name, attempt: this.#attempts })
      sentAt = instant(runtime)
      return runtime.send(classicRequest('acquire', name, authToken), options)
    }, givenUp)
    return readClassic(classicRequest('acquire', name, connection.authToken), reply)
      ? classicTerm(sentAt, leaseMs)
      : null
  }

  #arriveLate(term: Term): void {
    const { background } = this.#acquisition
    // Also after another grant was accepted: that one may be over by now.
    if (this.#state !== 'open') return background(releaseLateGrant(this.#acquisition, term))
    this.#late = term
    this.#wake()
  }
}

/**
 * Hands back a classic grant that arrived after nobody wanted it any more. Only within its own term: later the release
 * would free somebody else's lock (safety rule 6). And not while this client holds the name by another grant.
 */
export async function releaseLateGrant(acquisition: Acquisition, term: Term): Promise<void> {
  const { runtime, connection, name, heldHere } = acquisition
  const left = remaining(term, runtime)
  if (left === 0 || heldHere()) return
  const options = { timeoutMs: Math.min(REQUEST_TIMEOUT_MS, left) }
  await connection.withTokenAtHand((authToken) => sendRelease(runtime.send, { name, owner: null }, authToken, options))
}
