import { Lock, Lockable } from 'lockable'
import { HEARTBEAT_MS, stayBusy, threadsOf } from '../programs/stay-busy.mjs'

/** Nothing but heartbeats keeps a lock that is held for three of these. */
const BUSY_LEASE_MS = 1_200
/** Long enough that no slow machine loses it. */
const IDLE_LEASE_MS = 30_000

/** How the holding of one lock goes, told to the test by the functions that it gave to this page. */
export class Course {
  #query = new URLSearchParams(location.search)
  #isBusy = this.#query.get('busy') !== 'no'

  /** @param worker as in the options of a client. */
  constructor(worker) {
    this.lockable = new Lockable({
      url: this.#query.get('url'),
      worker,
      leaseDuration: this.#isBusy ? BUSY_LEASE_MS : IDLE_LEASE_MS,
      heartbeatInterval: HEARTBEAT_MS,
    })
    this.lockable.subscribe((event) => {
      // Nothing more would happen, and the test would wait for it.
      if (event.type === 'lost') reportError(new Error(`${event.loss.sentence} ${this.#threads()}`))
    })
    this.lock = new Lock(this.#query.get('name'), {}, this.lockable)
  }

  /** Keeps `lease` for some heartbeats, and this thread busy before. */
  async keep(lease) {
    const kept = await stayBusy(this.lockable, this.#isBusy ? 3 * BUSY_LEASE_MS : 0)
    await globalThis.whileHeld({ state: lease.state, token: lease.fencingToken, ...kept })
  }

  report() {
    const releases = this.lockable.history().filter(({ type }) => type === 'release.answered')
    return globalThis.report(releases.map(({ acknowledged }) => acknowledged))
  }

  #threads() {
    return JSON.stringify(threadsOf(this.lockable).map(({ thread, reason }) => ({ thread, reason })))
  }
}
