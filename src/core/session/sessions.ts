import type { Acquisition } from '../acquisition.ts'
import type { ClientContext } from '../context.ts'
import { Listening } from './listening.ts'
import type { Place } from './place.ts'
import { Session } from './session.ts'

/** The sessions of one client: one for each length of lease and stall time-out that its locks ask for. */
export class Sessions {
  readonly #context: ClientContext
  readonly #listening: Listening
  readonly #current = new Map<string, Session>()

  constructor(context: ClientContext) {
    this.#context = context
    this.#listening = new Listening(context)
  }

  /** Begins to acquire in a session that suits. */
  enter(acquisition: Acquisition): Place {
    const { leaseMs, stallTimeoutMs } = acquisition
    const key = `${leaseMs} ${stallTimeoutMs}`
    const known = this.#current.get(key)
    if (known?.isUsable) return known.enter(acquisition)
    for (const session of [...this.#current.values()]) {
      if (!session.isUsable) this.#context.background(session.retire())
    }
    const session = new Session({
      context: this.#context,
      listening: this.#listening,
      leaseMs,
      stallTimeoutMs,
      over: (over) => {
        if (this.#current.get(key) === over) this.#current.delete(key)
      },
    })
    this.#current.set(key, session)
    return session.enter(acquisition)
  }

  /** Repeats at once what failed, as when the network is back. */
  nudge(): void {
    for (const session of this.#current.values()) session.nudge()
  }

  /** The page is about to go: all is handed back by requests that outlive it. */
  leavePage(): void {
    for (const session of [...this.#current.values()]) {
      if (!session.isIdle) this.#context.background(session.leavePage())
    }
    this.#listening.close()
  }

  async close(): Promise<void> {
    this.#listening.close()
    await Promise.all([...this.#current.values()].map((session) => session.close()))
  }
}
