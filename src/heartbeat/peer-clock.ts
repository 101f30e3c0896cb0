import type { Clock, Instant } from '../core/clock.ts'

/** What each message between two threads carries of clocks. */
export interface Stamp {
  /** The sender's monotonic clock when it sent this. */
  readonly at: number
  /** How many ms of that are sleep, as far as the sender has noticed. */
  readonly slept: number
  /** The last message that the sender had received then; `null` if none. */
  readonly echo: Echo | null
}

interface Echo {
  /** The monotonic clock of the other thread when it sent that message. */
  readonly yours: number
  /** The sender's when it received it. */
  readonly mine: number
  /** How many ms of that are sleep. */
  readonly slept: number
}

/** A clock that may count sleep, as `bootClock` does. */
interface SleepCountingClock extends Clock {
  slept?(): number
}

/**
 * Translates instants of another thread's clock to this thread's, as a lower bound (safety rule 12).
 *
 * The clocks of two threads are never compared. But if a message left here at `p` and arrived there at `w` by the other
 * clock, then what happened there at `t` happened here no earlier than at `t − w + p`. So a lease that counts from a
 * translated instant ends too early, by the time that the message took, and never too late.
 *
 * Each thread finds out by itself that the machine slept, or takes a step of the wall clock for that. What the other one
 * noticed since the echo may be unknown here, or never be noticed here, so it is taken off.
 */
export class PeerClock {
  readonly #clock: SleepCountingClock
  #received: (Omit<Echo, 'yours'> & { readonly theirs: number }) | null = null
  #echo: Echo | null = null
  #theirSleep = 0

  constructor(clock: SleepCountingClock) {
    this.#clock = clock
  }

  /** The stamp for a message that is sent now. */
  stamp(): Stamp {
    const received = this.#received
    const echo = received && { yours: received.theirs, mine: received.mine, slept: received.slept }
    return { at: this.#clock.now(), slept: this.#slept(), echo }
  }

  /** Takes note of the stamp of a message that was received now. */
  receive(stamp: Stamp): void {
    this.#received = { theirs: stamp.at, mine: this.#clock.now(), slept: this.#slept() }
    this.#theirSleep = stamp.slept
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
    const noticedSince = this.#theirSleep - echo.slept
    const earliest = theirs.mono - noticedSince - echo.mine + echo.yours
    return { mono: Math.min(earliest, this.#clock.now()), wall: theirs.wall }
  }

  #slept(): number {
    return this.#clock.slept?.() ?? 0
  }
}
