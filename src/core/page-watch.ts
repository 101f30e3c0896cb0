import type { EventLog } from './event-log.ts'
import { type SignOfLife, STOOD_STILL_MS } from './heartbeat-host.ts'
import type { PageChange } from './ports.ts'
import type { WakeGate } from './wake-gate.ts'

export interface PageWatchOptions {
  readonly events: EventLog
  readonly gate: WakeGate
  /** The page runs, is seen or is online again. `isBack`: it was away, and not only out of sight. */
  readonly goOn: (isBack: boolean) => void
  /** The page is about to go: nothing of it runs after this. */
  readonly leave: () => void
}

/** Tells what becomes of the page, and sees to it that its leases are right before anything else is done. */
export class PageWatch {
  readonly #options: PageWatchOptions
  #isStalled = false

  constructor(options: PageWatchOptions) {
    this.#options = options
  }

  /** The browser says so. */
  changed(change: PageChange): void {
    const { events, gate, goOn, leave } = this.#options
    if (change === 'leaving') {
      leave()
      return void events.emit({ type: 'page.leaving' })
    }
    // A page that was frozen had its worker frozen too, so that no renewal waits to be heard.
    if (change === 'resumed') gate.open()
    gate.pass(() => {
      events.emit({ type: `page.${change}` })
      if (change === 'visible') goOn(false)
      else if (change === 'resumed' || change === 'online') goOn(true)
    })
  }

  /** The worker says that it runs. */
  ticked(sign: SignOfLife): void {
    this.#options.gate.pass(() => this.#judge(sign), sign.ageMs > STOOD_STILL_MS)
  }

  #judge({ ageMs, lateMs }: SignOfLife): void {
    const { events } = this.#options
    if (lateMs > STOOD_STILL_MS) events.emit({ type: 'page.suspended', ms: lateMs })
    // Of those that waited, the first waited for longest.
    else if (ageMs > STOOD_STILL_MS && !this.#isStalled) events.emit({ type: 'page.stalled', ms: ageMs })
    this.#isStalled = ageMs > STOOD_STILL_MS
    events.emit({ type: 'worker.tick' })
  }
}
