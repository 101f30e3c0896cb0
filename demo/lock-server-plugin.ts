import type { IncomingMessage } from 'node:http'
import type { Plugin, ProxyOptions, ViteDevServer } from 'vite'
import { API_ROOT } from '../src/protocol/paths.ts'
import { DEFAULT_PORT, type LockServer, serve } from '../src/server/node.ts'

const HOST = '127.0.0.1'

/**
 * Starts a lock server beside Vite's development server and passes `/v1` on to it, so that a page and its locks have
 * one origin. The port is 5625, or `LOCKABLE_PORT` of the environment. Does nothing but in mode `demo`.
 */
export function lockServer(): Plugin {
  const port = () => wantedPort(process.env.LOCKABLE_PORT)
  return {
    name: 'lock-server',
    apply: (_config, { command, mode, isPreview }) => command === 'serve' && mode === 'demo' && !isPreview,
    config: () => ({ server: { proxy: { [API_ROOT]: proxyTo(addressOf(port())) } } }),
    async configureServer(vite) {
      const url = addressOf(port())
      const isOurs = await listen(port(), url)
      vite.httpServer?.once('close', () => void release())
      announce(vite, `lockable listening on ${url}${isOurs ? '' : ' (it ran already)'}`)
    },
  }
}

function addressOf(port: number): string {
  return `http://${HOST}:${port}`
}

function wantedPort(given: string | undefined): number {
  if (given === undefined || given === '') return DEFAULT_PORT
  const port = Number(given)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new Error(`LOCKABLE_PORT must be a port from 1 to 65535; got ${JSON.stringify(given)}.`)
}

/** Vite makes its next server before it closes the last one, from another copy of this file: both use one lock server. */
interface Running {
  readonly server: Promise<LockServer>
  users: number
}

const running = globalThis as typeof globalThis & { __lockableDemoServer?: Running | undefined }

/** @returns whether the server is of this process. */
async function listen(port: number, url: string): Promise<boolean> {
  if (running.__lockableDemoServer) {
    running.__lockableDemoServer.users += 1
    return true
  }
  const started = { server: serve({ port, host: HOST }), users: 1 }
  running.__lockableDemoServer = started
  try {
    await started.server
    return true
  } catch (error) {
    running.__lockableDemoServer = undefined
    if (!isTaken(error)) throw error
    if (await answersAsLockServer(url)) return false
    throw new Error(
      `Port ${port} is taken by another program, so the lock server of the demo cannot start. Stop that program, or choose another port: LOCKABLE_PORT=${port + 1} npm start`,
      { cause: error },
    )
  }
}

async function release(): Promise<void> {
  const current = running.__lockableDemoServer
  if (!current) return
  current.users -= 1
  if (current.users > 0) return
  running.__lockableDemoServer = undefined
  await (await current.server).close()
}

function isTaken(error: unknown): boolean {
  const { cause } = error as Error
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

async function answersAsLockServer(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url + API_ROOT, { signal: AbortSignal.timeout(2000) })
    const { service }: { service?: unknown } = await reply.json()
    return service === 'lockable'
  } catch {
    return false
  }
}

function announce(vite: ViteDevServer, line: string): void {
  const printUrls = vite.printUrls.bind(vite)
  vite.printUrls = () => {
    printUrls()
    vite.config.logger.info(`  ➜  ${line}`)
  }
}

function proxyTo(target: string): ProxyOptions {
  return {
    target,
    changeOrigin: true,
    configure: (proxy) => {
      proxy.on('proxyReq', (toServer, fromPage, toPage) => {
        // The lock server refuses the pages of foreign origins. Only the page that Vite itself serves passes as its own.
        if (isSameOrigin(fromPage)) toServer.setHeader('origin', target)
        // A page that gives up a parked request must be seen to leave the queue.
        toPage.once('close', () => {
          if (!toPage.writableFinished) toServer.destroy()
        })
      })
    },
  }
}

function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}
