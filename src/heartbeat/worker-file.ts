import type { WorkerLike } from '../core/types.ts'

/**
 * Starts the worker from the file `lockable-worker.js` that lies beside the package's own scripts: for pages whose Content
 * Security Policy forbids the built-in one.
 *
 * Bundlers for browsers find the file by this very expression, which is why it stands here as it is, and why
 * `scripts/vite-worker-file.ts` brings it into the package unchanged. Where one does not know it, there is no such file,
 * which the worker tells by an `error` event. Throws if a worker is forbidden right away, as by Trusted Types, and where
 * there are no Web Workers.
 */
export function startWorkerFile(): WorkerLike {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
}
