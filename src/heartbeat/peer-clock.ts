import type { Clock, Instant } from '../core/clock.ts'

/** What each message between two threads carries of clocks. */
export interface Stamp {
  /** The sender's monotonic clock when it sent this. */
  readonly at: number
  /** The last message that the sender had received then; `null` if none. */
  readonly echo: Echo | null
}

interface Echo {
  /** The monotonic clock of the other thread when it sent that message. */
  readonly yours: number
  /** The sender's when it received it. */
  readonly mine: number
}

/**
 * Translates instants of another thread's clock to this thread's, as a lower bound (safety rule 12).
 *
 * The clocks of two threads are never compared. But if a message left here at `p` and arrived there at `w` by the other
 * clock, then what happened there at `t` happened here no earlier than at `t − w + p`. So a lease that counts from a
 * translated instant ends too early, by the time that the message took, and never too late.
 */
export class PeerClock {
  readonly #clock: Clock
  #received: { readonly theirs: number; readonly here: number } | null = null
  #echo: Echo | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The stamp for a message that is sent now. */
  stamp(): Stamp {
    const received = this.#received
    const echo = received && { yours: received.theirs, mine: received.here }
    return { at: this.#clock.now(), echo }
  }

  /** Takes note of the stamp of a message that was received now. */
  receive(stamp: Stamp): void {
    this.#received = { theirs: stamp.at, here: this.#clock.now() }
    if (stamp.echo !== null) this.#echo = stamp.echo
  }

  /**
   * The earliest that `theirs` can have been by this thread's clock. Throws before the first echo came back.
   *
   * The wall clock is the machine's, and so the same for both threads. And nothing that is told can be in the future: it
   * seems so if one thread noticed a sleep that the other has not noticed yet.
   */
  toHere(theirs: Instant): Instant {
    const echo = this.#echo
    if (echo === null) throw new Error('No echo of this clock has come back, so nothing can be translated.')
    return { mono: Math.min(theirs.mono - echo.mine + echo.yours, this.#clock.now()), wall: theirs.wall }
  }
}
