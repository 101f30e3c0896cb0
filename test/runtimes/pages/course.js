import { Lock, Lockable } from 'lockable'

const HEARTBEAT_MS = 300
/** Nothing but heartbeats keeps a lock that is held for three of these. */
const BUSY_LEASE_MS = 1_200
/** Long enough that no slow machine loses it. */
const IDLE_LEASE_MS = 30_000

/** How the holding of one lock goes, told to the test by the functions that it gave to this page. */
export class Course {
  #query = new URLSearchParams(location.search)
  #isBusy = this.#query.get('busy') !== 'no'
  #events = []

  /** @param worker as in the options of a client. */
  constructor(worker) {
    this.lockable = new Lockable({
      url: this.#query.get('url'),
      worker,
      leaseDuration: this.#isBusy ? BUSY_LEASE_MS : IDLE_LEASE_MS,
      heartbeatInterval: HEARTBEAT_MS,
    })
    this.lockable.subscribe((event) => {
      this.#events.push(event)
      // Nothing more would happen, and the test would wait for it.
      if (event.type === 'lost') reportError(new Error(`${event.loss.sentence} ${this.#threads()}`))
    })
    this.lock = new Lock(this.#query.get('name'), {}, this.lockable)
  }

  /** Keeps `lease` for some heartbeats, and this thread busy before, as soon as it is known which thread beats. */
  async keep(lease) {
    await this.#seen('heartbeat.thread')
    await this.#next('heartbeat.ok', 1)
    if (this.#isBusy) block(3 * BUSY_LEASE_MS)
    const freeAgain = performance.now()
    // Those that were sent meanwhile; a thread that sent none would need three intervals for them.
    await this.#next('heartbeat.ok', 3)
    const caughtUpInTime = performance.now() - freeAgain < HEARTBEAT_MS
    const { thread } = this.#of('heartbeat.thread').at(-1)
    await globalThis.whileHeld({ state: lease.state, token: lease.fencingToken, thread, caughtUpInTime })
  }

  report() {
    return globalThis.report(this.#of('release.answered').map(({ acknowledged }) => acknowledged))
  }

  #threads() {
    return JSON.stringify(this.#of('heartbeat.thread').map(({ thread, reason }) => ({ thread, reason })))
  }

  #of(type) {
    return this.#events.filter((event) => event.type === type)
  }

  async #seen(type) {
    if (this.#of(type).length === 0) await this.#next(type, 1)
  }

  /** Resolves when so many more events of that type have come. */
  #next(type, count) {
    return new Promise((resolve) => {
      let left = count
      const stop = this.lockable.subscribe((event) => {
        if (event.type !== type) return
        left -= 1
        if (left > 0) return
        stop()
        resolve()
      })
    })
  }
}

function block(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}
