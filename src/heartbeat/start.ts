import type { Beating, HeartbeatHost, HeartbeatHostOptions } from '../core/heartbeat-host.ts'
import type { Send } from '../core/ports.ts'
import type { LockableOptions } from '../core/types.ts'
import { pageHost } from './page-host.ts'
import type { WorkerChoice } from './spawn.ts'
import source from './worker.ts?source'
import { WorkerHost } from './worker-host.ts'

export interface StartOptions extends HeartbeatHostOptions {
  readonly url: string
  /** Carries the heartbeats that are sent from this thread. */
  readonly send: Send
  readonly worker: NonNullable<LockableOptions['worker']>
  /** The application brought its own `fetch`, which cannot cross to a worker. */
  readonly ownFetch: boolean
}

/** Starts what sends the heartbeats: a worker, and this thread where there is none to be had or when it died. */
export function startHeartbeatHost(options: StartOptions): HeartbeatHost {
  return new FallbackHost(options)
}

/** The worker to start, or why this thread is meant to beat. */
function chooseWorker({ worker, ownFetch }: StartOptions): WorkerChoice | string {
  if (worker === 'off') return 'worker is "off"'
  if (worker !== 'auto') return typeof worker === 'function' ? { make: worker } : { url: worker }
  return ownFetch ? "fetch is the application's own, which cannot cross to a worker" : { source }
}

/** Begins with a worker, and goes on with this thread from where the worker was last heard of. */
class FallbackHost implements HeartbeatHost {
  readonly #options: StartOptions
  #host: HeartbeatHost
  #authToken: string | null = null

  constructor(options: StartOptions) {
    this.#options = options
    this.#host = pageHost(options.dispatch, options.send)
    const choice = chooseWorker(options)
    if (typeof choice === 'string') options.threadChanged({ thread: 'page', reason: choice })
    else this.#startWorker(choice)
  }

  hold(beating: Beating): void {
    this.#host.hold(beating)
  }

  drop(id: string): Promise<void> {
    return this.#host.drop(id)
  }

  pause(id: string, paused: boolean): void {
    this.#host.pause(id, paused)
  }

  nudge(): void {
    this.#host.nudge()
  }

  setAuthToken(token: string | null): void {
    this.#authToken = token
    this.#host.setAuthToken(token)
  }

  close(): void {
    this.#host.close()
  }

  #startWorker(choice: WorkerChoice): void {
    try {
      this.#host = new WorkerHost({
        ...this.#options,
        choice,
        ready: () => this.#options.threadChanged({ thread: 'worker', reason: null }),
        failed: (reason, beating) => this.#takeOver(reason, beating),
      })
    } catch (error) {
      this.#takeOver(error instanceof Error ? error.message : String(error), [])
    }
  }

  #takeOver(reason: string, beatings: readonly Beating[]): void {
    this.#host = pageHost(this.#options.dispatch, this.#options.send)
    this.#host.setAuthToken(this.#authToken)
    // The worker may have died with a heartbeat on its way, so the first one of this thread is due at once.
    for (const beating of beatings) this.#host.hold({ ...beating, confirm: true })
    this.#options.threadChanged({ thread: 'page', reason })
  }
}
