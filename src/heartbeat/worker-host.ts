import type { Beating, HeartbeatHost, HeartbeatReport } from '../core/heartbeat-host.ts'
import type { CancelTimer } from '../core/ports.ts'
import { termOf } from '../core/term.ts'
import { platformClock } from '../platform/clock.ts'
import { platformTimers } from '../platform/timers.ts'
import type { Stamped, ToPage, ToWorker } from './messages.ts'
import { PeerClock } from './peer-clock.ts'
import { type SpawnedWorker, spawnWorker, type WorkerChoice } from './spawn.ts'

/** ms within which a new worker must answer. */
const READY_TIMEOUT_MS = 2_000
/** ms for which a worker that seems to be gone is still waited for: the whole process may have stood still until now. */
const LAST_CHANCE_MS = 500
/** A worker that missed this many of its own ticks is gone: one that closed itself or hangs raises no event. */
const MISSED_TICKS = 3

export interface WorkerHostOptions {
  readonly choice: WorkerChoice
  readonly url: string
  readonly dispatch: (report: HeartbeatReport) => void
  readonly tick: () => void
  readonly ready: () => void
  /** The worker cannot be had, or died. Called once; `beating` is what it held. */
  readonly failed: (reason: string, beating: readonly Beating[]) => void
}

/** Sends the heartbeats from a worker. Throws if none can be started. */
export class WorkerHost implements HeartbeatHost {
  readonly #options: WorkerHostOptions
  readonly #peer = new PeerClock(platformClock)
  readonly #beatings = new Map<string, Beating>()
  readonly #drops = new Map<string, () => void>()
  readonly #queue: ToWorker[] = []
  readonly #worker: SpawnedWorker
  #state: 'starting' | 'ready' | 'over' = 'starting'
  #cancelWatchdog: CancelTimer

  constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#worker = spawnWorker(options.choice, {
      message: (stamped) => this.#hear(stamped),
      failed: (reason) => this.#fail(reason),
    })
    this.#cancelWatchdog = this.#failAfter(READY_TIMEOUT_MS, `the worker did not answer within ${READY_TIMEOUT_MS} ms`)
    this.#send({ type: 'start', url: options.url })
  }

  hold(beating: Beating): void {
    this.#beatings.set(beating.id, beating)
    // An idle worker does not tick, but it answers to this at once, unless it died meanwhile.
    if (this.#state === 'ready') this.#watch(0)
    this.#post({ type: 'hold', beating })
  }

  drop(id: string): Promise<void> {
    if (!this.#beatings.delete(id) || this.#state === 'over') return Promise.resolve()
    return new Promise((dropped) => {
      this.#drops.get(id)?.()
      this.#drops.set(id, dropped)
      this.#post({ type: 'drop', id })
    })
  }

  pause(id: string, paused: boolean): void {
    this.#post({ type: 'pause', id, paused })
  }

  nudge(): void {
    this.#post({ type: 'nudge' })
  }

  setAuthToken(authToken: string | null): void {
    this.#post({ type: 'token', authToken })
  }

  close(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#cancelWatchdog()
    this.#worker.terminate()
    this.#settleDrops()
  }

  #hear({ stamp, message }: Stamped<ToPage>): void {
    if (this.#state === 'over') return
    this.#peer.receive(stamp)
    switch (message.type) {
      case 'ready':
        this.#state = 'ready'
        this.#options.ready()
        for (const queued of this.#queue.splice(0)) this.#send(queued)
        return
      case 'tick':
        this.#send({ type: 'alive' })
        this.#watch(message.nextMs)
        return this.#options.tick()
      case 'dropped':
        this.#drops.get(message.id)?.()
        this.#drops.delete(message.id)
        return
      case 'report':
        return this.#dispatch(message.report)
    }
  }

  #dispatch(report: HeartbeatReport): void {
    const beating = this.#beatings.get(report.id)
    if (!beating) return
    if (report.type !== 'renewed') return this.#options.dispatch(report)
    const sentAt = this.#peer.toHere(report.sentAt)
    this.#beatings.set(report.id, { ...beating, term: termOf(sentAt, report.expiresInMs), confirm: false })
    this.#options.dispatch({ ...report, sentAt })
  }

  /** What is told before the worker is ready waits, in order: only then can it translate our clock. */
  #post(message: ToWorker): void {
    if (this.#state === 'ready') this.#send(message)
    else if (this.#state === 'starting') this.#queue.push(message)
  }

  #send(message: ToWorker): void {
    this.#worker.post({ stamp: this.#peer.stamp(), message })
  }

  #watch(nextMs: number | null): void {
    this.#cancelWatchdog()
    if (nextMs === null) return
    const silence = nextMs * MISSED_TICKS + READY_TIMEOUT_MS
    this.#cancelWatchdog = this.#failAfter(silence, `the worker showed no sign of life for ${Math.round(silence)} ms`)
  }

  /** Any sign of life of the worker cancels it. */
  #failAfter(ms: number, reason: string): CancelTimer {
    return platformTimers.setTimer(
      () => {
        // If this thread stood still, the worker may have stood still with it, or its messages wait in the queue.
        this.#cancelWatchdog = platformTimers.setTimer(() => this.#fail(reason), LAST_CHANCE_MS, true)
      },
      ms,
      true,
    )
  }

  #fail(reason: string): void {
    if (this.#state === 'over') return
    const beating = [...this.#beatings.values()]
    this.close()
    this.#options.failed(reason, beating)
  }

  /** A dead worker has no request on its way that could still be waited for. */
  #settleDrops(): void {
    for (const dropped of this.#drops.values()) dropped()
    this.#drops.clear()
  }
}
