import type { ServerClock } from '../../clock.ts'
import { StoreUnavailableError } from '../../store.ts'
import { TOKENS_PER_MS } from './fencing-tokens.ts'
import type { Mark, MarkState } from './mark.ts'

/** Tokens are set aside for so long, so that a busy store writes once a minute and not once a grant. */
const AHEAD_MS = 60_000

/** At least so many are set aside at once, also where the wall clock lags behind the tokens. */
const FEWEST_TOKENS = 1_000 * TOKENS_PER_MS

/** After a mark that could not be written, those who wait are looked at again after this time, in ms. */
const RETRY_MS = 1_000

/** A store without a mark has nothing to write. */
const ALL: MarkState = { longestLeaseMs: Number.POSITIVE_INFINITY, tokensUpTo: Number.POSITIVE_INFINITY }

const NOTHING: MarkState = { longestLeaseMs: 0, tokensUpTo: 0 }

export interface MarkKeeperOptions {
  readonly clock: ServerClock
  /** `null`: nothing is kept. */
  readonly mark: Mark | null
  /** No promise that stands needs a longer wait than this, in ms, also if it is renewed as it is. */
  readonly longestPromise: () => number
  /** Told once when the mark can no longer be written. */
  readonly onError: (error: unknown) => void
}

/** Writes the mark before anything is promised that goes beyond it. */
export class MarkKeeper {
  /** What the store before left; `null` on a first start. */
  readonly inherited: MarkState | null
  readonly #options: MarkKeeperOptions
  /** What is there at least, whichever of the writes that failed has been carried out all the same. */
  #written: MarkState
  /** The monotonic ms until which those who wait are left waiting, since the mark could not be written. */
  #retryAt = Number.NEGATIVE_INFINITY
  #isFailing = false

  constructor(options: MarkKeeperOptions) {
    this.#options = options
    this.inherited = options.mark?.read() ?? null
    this.#written = options.mark === null ? ALL : (this.inherited ?? NOTHING)
  }

  /**
   * To be called before anything else is done about a promise of `leaseMs`, and of the fencing token `token` if there
   * is one; what is promised must be done in the same step. Throws a {@link StoreUnavailableError} if the mark cannot be
   * written: then nothing may be promised.
   */
  cover(leaseMs: number, token: number = 0): void {
    const { longestLeaseMs, tokensUpTo } = this.#written
    if (leaseMs > longestLeaseMs || token > tokensUpTo) this.#raise(leaseMs, token)
  }

  /** As {@link cover}, for somebody who waits and may as well go on waiting: returns whether it was done. */
  tryCover(leaseMs: number, token: number, now: number): boolean {
    if (this.outageMs(now) > 0) return false
    try {
      this.cover(leaseMs, token)
      return true
    } catch {
      this.#retryAt = now + RETRY_MS
      return false
    }
  }

  /** How long it is until the mark is tried again for those who wait, in ms; 0 while it can be written. */
  outageMs(now: number): number {
    return Math.max(0, this.#retryAt - now)
  }

  /**
   * The store has gone and promises nothing any more: what is left are leases of `remainingMs`, or none. An older mark
   * that stays because this fails only makes the next store wait longer.
   */
  close(remainingMs: number, lastToken: number): void {
    const { mark } = this.#options
    if (mark === null) return
    try {
      this.#write({ longestLeaseMs: Math.ceil(remainingMs), tokensUpTo: lastToken })
    } catch {
      // It has been told to onError.
    } finally {
      mark.close()
    }
  }

  /**
   * Besides raising what must be raised, this lowers the mark to what is still promised, so that one very long lease
   * does not lengthen the wait after every later crash.
   */
  #raise(leaseMs: number, token: number): void {
    const { clock, longestPromise } = this.#options
    const wall = Math.floor(clock.wall()) + AHEAD_MS
    this.#write({
      longestLeaseMs: Math.max(roundUp(leaseMs), Math.ceil(longestPromise())),
      tokensUpTo: Math.max(this.#written.tokensUpTo, token + FEWEST_TOKENS, wall * TOKENS_PER_MS),
    })
  }

  #write(state: MarkState): void {
    try {
      this.#options.mark?.write(state)
    } catch (cause) {
      if (!this.#isFailing) this.#options.onError(cause)
      this.#isFailing = true
      this.#written = {
        longestLeaseMs: Math.min(this.#written.longestLeaseMs, state.longestLeaseMs),
        tokensUpTo: Math.min(this.#written.tokensUpTo, state.tokensUpTo),
      }
      throw new StoreUnavailableError('The mark of this store cannot be written, so it grants nothing.', { cause })
    }
    this.#written = state
    this.#isFailing = false
    this.#retryAt = Number.NEGATIVE_INFINITY
  }
}

/** To whole seconds, and whole minutes beyond the first, so that leases of ever new lengths cause few writes. */
function roundUp(leaseMs: number): number {
  const unit = leaseMs > 60_000 ? 60_000 : 1_000
  return Math.ceil(leaseMs / unit) * unit
}
