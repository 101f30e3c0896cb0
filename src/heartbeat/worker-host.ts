import type { Beating, HeartbeatHostOptions, HeartbeatReport } from '../core/heartbeat-host.ts'
import type { CancelTimer } from '../core/ports.ts'
import type { Stamped, ToPage, ToWorker } from './messages.ts'
import { PeerClock } from './peer-clock.ts'

/** ms within which a new worker must answer. */
const READY_TIMEOUT_MS = 2_000
/** A worker that missed this many of its own ticks is gone: one that closed itself or hangs raises no event. */
const MISSED_TICKS = 3
/** ms for which a worker is waited for at least, however often it ticks: browsers may clamp its timers. */
const SHORTEST_SILENCE_MS = 750
/** ms for which a worker that seems to be gone is still waited for: the whole process may have stood still until now. */
const LAST_CHANCE = { tickPart: 2, least: 250, most: 500 }

/** The page's end of the channel to a worker. */
export interface SpawnedWorker {
  post(message: Stamped<ToWorker>): void
  terminate(): void
}

export interface SpawnListeners {
  message(message: Stamped<ToPage>): void
  /** The worker is broken or gone. */
  failed(reason: string): void
}

/** Starts a worker. Throws if that fails at once; later failures are told to `listeners.failed`. */
export type Spawn = (listeners: SpawnListeners) => SpawnedWorker

/** Why a worker cannot be had, or is gone. */
export interface WorkerFailure {
  readonly reason: string
  /** It just did not answer, which a later one may. */
  readonly isSilent: boolean
}

export interface WorkerHostOptions extends Omit<HeartbeatHostOptions, 'threadChanged'> {
  readonly spawn: Spawn
  readonly url: string
  /** It runs, and can be told what to beat for. */
  readonly ready: () => void
  /** It could not be started, or is gone. Called once; it beats for nothing any more. */
  readonly failed: (failure: WorkerFailure) => void
}

/** A worker that sends heartbeats, from this thread's side. Throws if none can be started. Told nothing before it is ready. */
export class WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #peer: PeerClock
  readonly #drops = new Map<string, () => void>()
  readonly #worker: SpawnedWorker
  #isOver = false
  #isWatched = false
  #cancelWatchdog: CancelTimer

  constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#peer = new PeerClock(options.page)
    this.#worker = options.spawn({
      message: (stamped) => this.#hear(stamped),
      failed: (reason) => this.#fail({ reason, isSilent: false }),
    })
    const reason = `the worker did not answer within ${READY_TIMEOUT_MS} ms`
    this.#cancelWatchdog = this.#failAfter(READY_TIMEOUT_MS, LAST_CHANCE.most, reason)
    this.#post({ type: 'start', url: options.url })
  }

  hold(beating: Beating): void {
    // An idle worker does not tick, but it answers to this at once, unless it died meanwhile. One that should tick is
    // not given more time for every lock that comes.
    if (!this.#isWatched) this.#watch(0)
    this.#post({ type: 'hold', beating })
  }

  drop(id: string): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((dropped) => {
      this.#drops.get(id)?.()
      this.#drops.set(id, dropped)
      this.#post({ type: 'drop', id })
    })
  }

  pause(id: string, paused: boolean): void {
    this.#post({ type: 'pause', id, paused })
  }

  nudge(all: boolean): void {
    this.#post({ type: 'nudge', all })
  }

  setAuthToken(authToken: string | null): void {
    this.#post({ type: 'token', authToken })
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWatchdog()
    this.#worker.terminate()
    // A dead worker has no request on its way that could still be waited for.
    for (const dropped of this.#drops.values()) dropped()
    this.#drops.clear()
  }

  #hear({ stamp, message }: Stamped<ToPage>): void {
    if (this.#isOver) return
    this.#peer.receive(stamp)
    switch (message.type) {
      case 'ready':
        this.#cancelWatchdog()
        return this.#options.ready()
      case 'tick':
        this.#post({ type: 'alive' })
        this.#watch(message.nextMs)
        return this.#options.tick({ ageMs: this.#ageMs(stamp.at), lateMs: message.lateMs })
      case 'dropped':
        this.#drops.get(message.id)?.()
        this.#drops.delete(message.id)
        return
      case 'report':
        return this.#dispatch(message.report)
    }
  }

  #dispatch(report: HeartbeatReport): void {
    const { dispatch } = this.#options
    dispatch(report.type === 'renewed' ? { ...report, sentAt: this.#peer.toHere(report.sentAt) } : report)
  }

  #ageMs(sentAt: number): number {
    return this.#options.page.now() - this.#peer.toHere({ mono: sentAt, wall: 0 }).mono
  }

  #post(message: ToWorker): void {
    if (!this.#isOver) this.#worker.post({ stamp: this.#peer.stamp(), message })
  }

  /** @param nextMs when the worker will say again that it runs; `null` if it will not. */
  #watch(nextMs: number | null): void {
    this.#cancelWatchdog()
    this.#isWatched = nextMs !== null
    if (nextMs === null) return
    const silence = Math.max(SHORTEST_SILENCE_MS, nextMs * MISSED_TICKS)
    const lastChance = Math.min(LAST_CHANCE.most, Math.max(LAST_CHANCE.least, nextMs * LAST_CHANCE.tickPart))
    const reason = `the worker showed no sign of life for ${Math.round(silence)} ms`
    this.#cancelWatchdog = this.#failAfter(silence, lastChance, reason)
  }

  /** Any sign of life of the worker cancels it. */
  #failAfter(ms: number, lastChanceMs: number, reason: string): CancelTimer {
    const { setTimer } = this.#options.page
    return setTimer(
      () => {
        // If this thread stood still, the worker may have stood still with it, or its messages wait in the queue.
        const fail = () => this.#fail({ reason, isSilent: true })
        this.#cancelWatchdog = setTimer(fail, lastChanceMs, true)
      },
      ms,
      true,
    )
  }

  #fail(failure: WorkerFailure): void {
    if (this.#isOver) return
    this.close()
    this.#options.failed(failure)
  }
}
