import type { Clock } from '../core/clock.ts'
import { type Beating, STOOD_STILL_MS } from '../core/heartbeat-host.ts'
import type { CancelTimer, Send, Timers } from '../core/ports.ts'
import { BeatLoop } from './loop.ts'
import type { Stamped, ToPage, ToWorker } from './messages.ts'
import { PeerClock } from './peer-clock.ts'

export interface WorkerThreadRuntime extends Clock, Timers {
  /** How many ms of `now()` the machine slept. Default: none. */
  slept?(): number
  random(): number
  /** What carries requests to the server at `url`. */
  sendTo(url: string): Send
  /** Sends a message to the page. */
  post(message: Stamped<ToPage>): void
}

/** What runs in a worker: the beat loop, told by the page what to beat for. */
export class WorkerThread {
  readonly #runtime: WorkerThreadRuntime
  readonly #peer: PeerClock
  #loop: BeatLoop | null = null
  #heardAt: number
  #tickDueAt: number | null = null
  #cancelTick: CancelTimer = () => {}

  constructor(runtime: WorkerThreadRuntime) {
    this.#runtime = runtime
    this.#peer = new PeerClock(runtime)
    this.#heardAt = runtime.now()
  }

  /** What the page says. */
  hear({ stamp, message }: Stamped<ToWorker>): void {
    this.#peer.receive(stamp)
    this.#heardAt = this.#runtime.now()
    switch (message.type) {
      case 'start':
        this.#loop ??= this.#start(message.url)
        return this.#post({ type: 'ready' })
      case 'hold':
        this.#loop?.hold(this.#translated(message.beating))
        return this.#tick()
      case 'drop':
        return void this.#loop?.drop(message.id).then(() => this.#post({ type: 'dropped', id: message.id }))
      case 'pause':
        return this.#loop?.pause(message.id, message.paused)
      case 'nudge':
        return this.#loop?.nudge(message.all)
      case 'token':
        return this.#loop?.setAuthToken(message.authToken)
      case 'alive':
        return
    }
  }

  #start(url: string): BeatLoop {
    const { sendTo, ...runtime } = this.#runtime
    return new BeatLoop({
      ...runtime,
      send: sendTo(url),
      report: (report) => this.#post({ type: 'report', report }),
      silentMs: () => this.#runtime.now() - this.#heardAt,
    })
  }

  /** Says regularly that the worker runs, as long as it holds something. */
  #tick(): void {
    const { now, setTimer } = this.#runtime
    const lateMs = this.#tickDueAt === null ? 0 : Math.max(0, now() - this.#tickDueAt)
    // Nobody tells a worker that its machine has slept.
    if (lateMs > STOOD_STILL_MS) this.#loop?.nudge(true)
    const nextMs = this.#loop?.tickMs() ?? null
    this.#post({ type: 'tick', nextMs, lateMs })
    this.#cancelTick()
    this.#tickDueAt = nextMs === null ? null : now() + nextMs
    if (nextMs !== null) this.#cancelTick = setTimer(() => this.#tick(), nextMs)
  }

  /** The instants of what the page handed over, by this thread's clock. */
  #translated(beating: Beating): Beating {
    return { ...beating, term: { ...beating.term, sentAt: this.#peer.toHere(beating.term.sentAt) } }
  }

  #post(message: ToPage): void {
    this.#runtime.post({ stamp: this.#peer.stamp(), message })
  }
}
