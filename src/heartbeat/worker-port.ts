import type { Stamped, ToPage, ToWorker } from './messages.ts'

/** The worker's end of the channel to its page. */
export interface WorkerPort {
  post(message: Stamped<ToPage>): void
  listen(listener: (message: Stamped<ToWorker>) => void): void
}

interface NodePort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: Stamped<ToWorker>) => void): void
}

interface WorkerGlobals {
  readonly process?: {
    getBuiltinModule?(id: 'node:worker_threads'): { readonly parentPort?: NodePort | null }
  }
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { data: Stamped<ToWorker> }) => void): void
}

/** Opens the channel in a `node:worker_threads` worker (Node, Deno, Bun) or in a Web Worker. */
export function openPort(): WorkerPort {
  const globals = globalThis as unknown as WorkerGlobals
  const port = globals.process?.getBuiltinModule?.('node:worker_threads')?.parentPort
  if (port) {
    return {
      post: (message) => port.postMessage(message),
      listen: (listener) => port.on('message', listener),
    }
  }
  return {
    post: (message) => globals.postMessage(message),
    listen: (listener) => globals.addEventListener('message', ({ data }) => listener(data)),
  }
}
