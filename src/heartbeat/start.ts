import type { HeartbeatHost, HeartbeatHostOptions } from '../core/heartbeat-host.ts'
import type { LockableOptions } from '../core/types.ts'
import type { WorkerChoice } from './recruiter.ts'
import { runsNodeThreads, spawnWorker, type WorkerScript } from './spawn.ts'
import { SupervisedHost } from './supervised-host.ts'
import source from './worker.ts?source'
import { startWorkerFile } from './worker-file.ts'

export interface StartOptions extends HeartbeatHostOptions {
  readonly url: string
  readonly worker: NonNullable<LockableOptions['worker']>
  /** The application brought its own `fetch`, which cannot cross to a worker. */
  readonly ownFetch: boolean
}

/** Starts what sends the heartbeats: a worker, and this thread where there is none to be had or when it died. */
export function startHeartbeatHost(options: StartOptions): HeartbeatHost {
  return new SupervisedHost({ ...options, choices: chooseWorkers(options) })
}

/** The workers to try, the best first, or why this thread is meant to beat. */
function chooseWorkers({ worker, ownFetch }: StartOptions): readonly WorkerChoice[] | string {
  if (worker === 'off') return 'worker is "off"'
  if (worker !== 'auto') return [choice(typeof worker === 'function' ? { make: worker } : { url: worker })]
  if (ownFetch) return "fetch is the application's own, which cannot cross to a worker"
  // The built-in one works with every bundler; the file where a Content Security Policy forbids that.
  const builtIn = choice({ source }, true)
  return runsNodeThreads() ? [builtIn] : [builtIn, choice({ make: startWorkerFile }, true)]
}

function choice(script: WorkerScript, isBuiltIn = false): WorkerChoice {
  return { spawn: (listeners) => spawnWorker(script, listeners), isBuiltIn }
}
