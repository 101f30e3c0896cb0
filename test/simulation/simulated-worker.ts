import type { Beating, HeartbeatHost, HeartbeatHostOptions } from '../../src/core/heartbeat-host.ts'
import { type Term, termOf } from '../../src/core/term.ts'
import { BeatLoop } from '../../src/heartbeat/loop.ts'
import type { Stamped, ToPage, ToWorker } from '../../src/heartbeat/messages.ts'
import { PeerClock } from '../../src/heartbeat/peer-clock.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Random } from './random.ts'
import type { ClientPorts } from './tweaks.ts'

/** How long messages between two threads take at most, in ms: mostly, and when there is much to do. */
const QUICK_MS = 2
const SLOW_MS = 800

export interface SimulatedWorkerOptions {
  readonly kernel: Kernel
  readonly random: Random
  readonly page: Machine
  readonly pagePorts: ClientPorts
  readonly worker: Machine
  readonly workerPorts: ClientPorts
  readonly dispatch: HeartbeatHostOptions['dispatch']
}

/** One direction of a channel between two threads: nothing is lost, or overtakes. */
class Channel<Message> {
  readonly #options: SimulatedWorkerOptions
  readonly #to: Machine
  readonly #hear: (message: Stamped<Message>) => void
  #arrivesAt = 0

  constructor(options: SimulatedWorkerOptions, to: Machine, hear: (message: Stamped<Message>) => void) {
    this.#options = options
    this.#to = to
    this.#hear = hear
  }

  send(message: Stamped<Message>): void {
    const { kernel, random } = this.#options
    const delay = random.between(0, random.chance(0.1) ? SLOW_MS : QUICK_MS)
    this.#arrivesAt = Math.max(this.#arrivesAt, kernel.now + delay)
    kernel.after(this.#arrivesAt - kernel.now, () => this.#to.run(() => this.#hear(message)))
  }
}

/**
 * Beats on another thread, as the real worker does: only the thread and the channel to it are simulated. When that
 * thread has died the page beats, as `heartbeat/start.ts` has it.
 */
export class SimulatedWorker implements HeartbeatHost {
  readonly #options: SimulatedWorkerOptions
  readonly #peer: PeerClock
  readonly #toWorker: Channel<ToWorker>
  readonly #beatings = new Map<string, Beating>()
  readonly #drops = new Map<string, () => void>()
  readonly #queue: ToWorker[] = []
  #isReady = false
  /** Set when the page has taken over. */
  #page: BeatLoop | null = null
  #isClosed = false
  #authToken: string | null = null

  constructor(options: SimulatedWorkerOptions) {
    this.#options = options
    this.#peer = new PeerClock(options.page)
    const toPage = new Channel<ToPage>(options, options.page, (message) => this.#hear(message))
    const thread = new WorkerThread(options, toPage)
    this.#toWorker = new Channel<ToWorker>(options, options.worker, (message) => thread.hear(message))
    this.#send({ type: 'start', url: '' })
  }

  /** The thread dies, and is missed after `noticedMs`. */
  die(noticedMs: number): void {
    const { worker, page } = this.#options
    if (!worker.isAlive) return
    worker.kill()
    page.setTimer(() => this.takeOver(), noticedMs)
  }

  get page(): Machine {
    return this.#options.page
  }

  /** What is certain of what the worker beat for: until when it was renewed, as far as the page has heard. */
  certainTerm({ term }: Beating): Term {
    return term
  }

  /** The page goes on from where the worker was last heard of. */
  takeOver(): void {
    const { pagePorts, dispatch } = this.#options
    if (this.#page !== null || this.#isClosed) return
    this.#page = new BeatLoop({ ...pagePorts, report: dispatch, silentMs: () => 0 })
    this.#page.setAuthToken(this.#authToken)
    const beatings = [...this.#beatings.values()].map((beating) => ({ ...beating, term: this.certainTerm(beating) }))
    // A dead worker has no request on its way that could still be waited for.
    for (const dropped of this.#drops.values()) dropped()
    this.#drops.clear()
    for (const beating of beatings) this.#page.hold({ ...beating, confirm: true })
  }

  hold(beating: Beating): void {
    if (this.#page !== null) return this.#page.hold(beating)
    this.#beatings.set(beating.id, beating)
    this.#post({ type: 'hold', beating })
  }

  drop(id: string): Promise<void> {
    if (this.#page !== null) return this.#page.drop(id)
    if (!this.#beatings.delete(id)) return Promise.resolve()
    return new Promise((dropped) => {
      this.#drops.get(id)?.()
      this.#drops.set(id, dropped)
      this.#post({ type: 'drop', id })
    })
  }

  pause(id: string, paused: boolean): void {
    if (this.#page !== null) this.#page.pause(id, paused)
    else this.#post({ type: 'pause', id, paused })
  }

  nudge(): void {
    if (this.#page !== null) this.#page.nudge()
    else this.#post({ type: 'nudge' })
  }

  setAuthToken(authToken: string | null): void {
    this.#authToken = authToken
    if (this.#page !== null) this.#page.setAuthToken(authToken)
    else this.#post({ type: 'token', authToken })
  }

  close(): void {
    this.#isClosed = true
    this.#page?.close()
    for (const dropped of this.#drops.values()) dropped()
    this.#options.worker.kill()
  }

  #hear({ stamp, message }: Stamped<ToPage>): void {
    // What it said before it died may arrive after it was missed, and is not listened to any more.
    if (this.#page !== null) return
    this.#peer.receive(stamp)
    if (message.type === 'ready') {
      this.#isReady = true
      for (const queued of this.#queue.splice(0)) this.#send(queued)
    } else if (message.type === 'dropped') {
      this.#drops.get(message.id)?.()
      this.#drops.delete(message.id)
    } else if (message.type === 'report') this.#report(message)
  }

  #report({ report }: Extract<ToPage, { type: 'report' }>): void {
    const { dispatch } = this.#options
    const beating = this.#beatings.get(report.id)
    if (beating === undefined) return
    if (report.type !== 'renewed') return dispatch(report)
    const sentAt = this.#peer.toHere(report.sentAt)
    this.#beatings.set(report.id, { ...beating, term: termOf(sentAt, report.expiresInMs), confirm: false })
    dispatch({ ...report, sentAt })
  }

  /** What is told before the worker is ready waits: only then can it translate the page's clock. */
  #post(message: ToWorker): void {
    if (this.#isReady) this.#send(message)
    else this.#queue.push(message)
  }

  #send(message: ToWorker): void {
    this.#toWorker.send({ stamp: this.#peer.stamp(), message })
  }
}

/** What runs on the other thread. */
class WorkerThread {
  readonly #peer: PeerClock
  readonly #loop: BeatLoop
  readonly #toPage: Channel<ToPage>

  constructor({ worker, workerPorts }: SimulatedWorkerOptions, toPage: Channel<ToPage>) {
    this.#peer = new PeerClock(worker)
    this.#toPage = toPage
    const report = (each: Extract<ToPage, { type: 'report' }>['report']) => this.#post({ type: 'report', report: each })
    this.#loop = new BeatLoop({ ...workerPorts, report, silentMs: () => 0 })
  }

  hear({ stamp, message }: Stamped<ToWorker>): void {
    this.#peer.receive(stamp)
    switch (message.type) {
      case 'start':
        return this.#post({ type: 'ready' })
      case 'hold':
        return this.#loop.hold(this.#translated(message.beating))
      case 'drop':
        return void this.#loop.drop(message.id).then(() => this.#post({ type: 'dropped', id: message.id }))
      case 'pause':
        return this.#loop.pause(message.id, message.paused)
      case 'nudge':
        return this.#loop.nudge()
      case 'token':
        return this.#loop.setAuthToken(message.authToken)
      case 'alive':
        return
    }
  }

  #translated(beating: Beating): Beating {
    return { ...beating, term: { ...beating.term, sentAt: this.#peer.toHere(beating.term.sentAt) } }
  }

  #post(message: ToPage): void {
    this.#toPage.send({ stamp: this.#peer.stamp(), message })
  }
}
