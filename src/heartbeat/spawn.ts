import type { WorkerLike } from '../core/types.ts'
import type { Stamped, ToPage } from './messages.ts'
import type { SpawnedWorker, SpawnListeners } from './worker-host.ts'

/** What to start: the built-in source, a script elsewhere, or whatever the application makes. */
export type WorkerScript =
  | { readonly source: string }
  | { readonly url: string | URL }
  | { readonly make: () => WorkerLike }

/**
 * Starts a worker. Throws if that fails at once; later failures, as by a Content Security Policy, are told to
 * `listeners.failed`.
 */
export function spawnWorker(script: WorkerScript, listeners: SpawnListeners): SpawnedWorker {
  if ('make' in script) return adoptWebWorker(script.make(), listeners)
  const threads = nodeWorkerThreads()
  if (threads) return spawnNodeWorker(threads, script, listeners)
  if (typeof Worker !== 'function') throw new Error('this runtime has no workers')
  if ('url' in script) return adoptWebWorker(new Worker(script.url, { type: 'module' }), listeners)
  const url = URL.createObjectURL(new Blob([script.source], { type: 'text/javascript' }))
  try {
    return adoptWebWorker(new Worker(url, { type: 'module' }), listeners)
  } finally {
    URL.revokeObjectURL(url)
  }
}

function adoptWebWorker(worker: WorkerLike, { message, failed }: SpawnListeners): SpawnedWorker {
  worker.addEventListener('message', (event) => message((event as MessageEvent<Stamped<ToPage>>).data))
  worker.addEventListener('error', (event) => {
    // Without this a worker's error ends a whole Deno process.
    event.preventDefault()
    failed(
      (event as Partial<ErrorEvent>).message ||
        'the worker could not be loaded; does a Content Security Policy forbid it?',
    )
  })
  worker.addEventListener('messageerror', () => failed('a message of the worker could not be read'))
  return {
    post: (each) => worker.postMessage(each),
    terminate: () => worker.terminate(),
  }
}

interface NodeWorker {
  on(event: 'message', listener: (message: Stamped<ToPage>) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'exit', listener: (code: number) => void): void
  postMessage(message: unknown): void
  terminate(): Promise<unknown>
  unref(): void
}

interface NodeWorkerThreads {
  readonly Worker: new (script: string | URL, options: { eval?: boolean; env: symbol }) => NodeWorker
  readonly SHARE_ENV: symbol
}

/**
 * `node:worker_threads`, which Node, Deno and Bun all have: only its workers let the process end by themselves in all
 * three. It is not imported, since bundlers for browsers stumble over such an import.
 */
function nodeWorkerThreads(): NodeWorkerThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } }
  return process?.getBuiltinModule?.('node:worker_threads') as NodeWorkerThreads | undefined
}

/** Whether workers are `node:worker_threads`, and not Web Workers. */
export function runsNodeThreads(): boolean {
  return nodeWorkerThreads() !== undefined
}

function spawnNodeWorker(
  { Worker: NodeWorkerClass, SHARE_ENV: env }: NodeWorkerThreads,
  script: { readonly source: string } | { readonly url: string | URL },
  { message, failed }: SpawnListeners,
): SpawnedWorker {
  // A copy of the environment, the default, is something that Deno asks a permission for.
  const worker =
    'source' in script
      ? new NodeWorkerClass(script.source, { eval: true, env })
      : new NodeWorkerClass(new URL(script.url), { env })
  worker.on('message', message)
  worker.on('error', (error) => failed(error.message))
  worker.on('exit', (code) => failed(`the worker ended with code ${code}`))
  // Counts only after the listeners are there: Node and Bun take the worker up again with the first of them.
  worker.unref()
  return {
    post: (each) => worker.postMessage(each),
    terminate: () => void worker.terminate(),
  }
}
