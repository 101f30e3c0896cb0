import type { IncomingMessage } from 'node:http'
import type { Plugin, ProxyOptions, ViteDevServer } from 'vite'
import { API_ROOT, statusPath } from '../src/protocol/paths.ts'
import { DEFAULT_PORT } from '../src/protocol/port.ts'
import { type CapabilityKey, createCapabilityKey } from '../src/server/index.ts'
import { type LockServer, serve } from '../src/server/node.ts'
import { CAPABILITY_PATH, capabilities, capabilityOf } from './capabilities.ts'

const HOST = '127.0.0.1'

/**
 * Starts a lock server beside Vite's development server and passes `/v1` on to it, so that a page and its locks have
 * one origin. It serves those only who bring a capability, which Vite's server hands out. The port is 5625, or `LOCKABLE_PORT` of the environment. Does nothing but in mode `demo`.
 */
export function lockServer(): Plugin {
  const port = () => wantedPort(process.env.LOCKABLE_PORT)
  return {
    name: 'lock-server',
    apply: (_config, { command, mode, isPreview }) => command === 'serve' && mode === 'demo' && !isPreview,
    config: () => ({ server: { proxy: { [API_ROOT]: proxyTo(addressOf(port())) } } }),
    async configureServer(vite) {
      const url = addressOf(port())
      const key = running.__lockableDemoServer?.key ?? createCapabilityKey()
      vite.middlewares.use(CAPABILITY_PATH, capabilities(key))
      const isOurs = await listen(port(), url, key)
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
  readonly key: CapabilityKey
  users: number
}

const running = globalThis as typeof globalThis & { __lockableDemoServer?: Running | undefined }

/** @returns whether the server is of this process. */
async function listen(port: number, url: string, key: CapabilityKey): Promise<boolean> {
  if (running.__lockableDemoServer) {
    running.__lockableDemoServer.users += 1
    return true
  }
  const started = { server: serve({ port, host: HOST, capabilityKeys: [key] }), key, users: 1 }
  running.__lockableDemoServer = started
  try {
    await started.server
    return true
  } catch (error) {
    running.__lockableDemoServer = undefined
    if (!isTaken(error)) throw error
    if (await servesUs(url, key)) return false
    throw new Error(
      `Port ${port} is taken by another program, or by a lock server that wants other tokens, so the lock server of the demo cannot start. Stop that program, or choose another port: LOCKABLE_PORT=${port + 1} npm start`,
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

/** Whether a lock server is there that anybody may use. */
async function servesUs(url: string, key: CapabilityKey): Promise<boolean> {
  try {
    const headers = { Authorization: `Bearer ${await capabilityOf(key, 'demo')}` }
    const reply = await fetch(url + statusPath('demo:'), { headers, signal: AbortSignal.timeout(2000) })
    const { v }: { v?: unknown } = await reply.json()
    return reply.ok && v === 2
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
