import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createHandler, type LockHandler } from './handler.ts'
import { hasDotSegment } from './http/path.ts'
import { ProblemError, quote } from './http/problem-error.ts'
import { problemReply } from './http/reply.ts'
import { trackConnections } from './node-connections.ts'
import type { HandlerOptions } from './options.ts'

export { createFileStore, type FileStore, type FileStoreOptions } from './stores/file.ts'
export { openMark } from './stores/memory/mark-file.ts'

/** The port of `lockable serve`. */
export const DEFAULT_PORT = 5625

/** Longer than the 60 s for which proxies keep a connection, so that it is they who close it. */
const KEEP_ALIVE_MS = 65_000

const HEADERS_TIMEOUT_MS = 10_000

export interface ServeOptions extends HandlerOptions {
  /** 0 for any that is free. Default 5625. */
  readonly port?: number
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** Listen beyond loopback though there are no tokens, so that whoever reaches the port can lock. Default `false`. */
  readonly insecure?: boolean
  /** How long requests that are being answered may take when the server closes, in ms. Default 5,000. */
  readonly closeTimeoutMs?: number
  /**
   * Replaces the global `Request` and `Response` by faster ones of `@hono/node-server`, which suits a process that is
   * nothing but a server. Default `false`.
   */
  readonly overrideGlobalObjects?: boolean
}

export interface LockServer {
  /** Without a slash at its end: `http://127.0.0.1:5625`. */
  readonly url: string
  readonly host: string
  /** The real one, also where 0 was asked for. */
  readonly port: number
  /** Lets waiting requests go, answers those under way, and stops. Locks are not released. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a lock server on Node, and resolves when it listens.
 *
 * Rejects with a `TypeError` for wrong options, and with an `Error` that says what to do if it may not or cannot listen.
 */
export async function serve(options: ServeOptions = {}): Promise<LockServer> {
  const { port = DEFAULT_PORT, host = '127.0.0.1', closeTimeoutMs = 5_000 } = options
  if (!isLoopback(host) && options.tokens === undefined && options.insecure !== true) throw openBeyondLoopback(host)
  const handler = createHandler({
    ...options,
    ...(options.tokens === undefined && { hosts: [...(options.hosts ?? []), host] }),
  })
  const server = createNodeServer(handler, options.overrideGlobalObjects ?? false)
  const endConnections = trackConnections(server)
  try {
    await listen(server, port, host)
  } catch (error) {
    await handler.close()
    throw error
  }
  const address = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closeServer(server, handler, { endConnections, timeoutMs: closeTimeoutMs })
    return closed
  }
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  return { url, host, port: address.port, close, [Symbol.asyncDispose]: close }
}

function createNodeServer(handler: LockHandler, overrideGlobalObjects: boolean): Server {
  const answer = getRequestListener(
    // Only the Node request still has the dot segments that URL parsers fold away; the name would be another.
    (request, { incoming }) =>
      hasDotSegment(incoming.url ?? '') ? problemReply(dotSegment(incoming.url)) : handler.fetch(request),
    { overrideGlobalObjects, errorHandler: () => problemReply(unreadable()) },
  )
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.headersTimeout = HEADERS_TIMEOUT_MS
  return server
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)))
    server.listen(port, host, resolve)
  })
}

async function closeServer(
  server: Server,
  handler: LockHandler,
  { endConnections, timeoutMs }: { endConnections: () => void; timeoutMs: number },
): Promise<void> {
  const stopped = new Promise((resolve) => server.close(resolve))
  endConnections()
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await handler.close()
  await stopped
  clearTimeout(timer)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function openBeyondLoopback(host: string): TypeError {
  return new TypeError(
    `Without tokens everybody who reaches ${host} could take and free locks: set tokens (LOCKABLE_TOKENS), listen on 127.0.0.1, or allow it with --insecure (insecure: true).`,
  )
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): Error {
  if (error.code === 'EADDRINUSE') {
    return new Error(
      `Port ${port} on ${host} is in use: stop what listens there, or choose another with --port (port); 0 takes any that is free.`,
      { cause: error },
    )
  }
  if (error.code === 'EACCES') {
    return new Error(
      `Port ${port} on ${host} needs more rights than this process has: choose one from 1024 up with --port (port).`,
      { cause: error },
    )
  }
  return new Error(`Cannot listen on ${host}, port ${port}: ${error.message}`, { cause: error })
}

function dotSegment(path: string | undefined): ProblemError {
  return new ProblemError(
    'bad-name',
    `The path ${quote(path)} has a "." or ".." segment, which URLs fold away: name the lock differently.`,
  )
}

function unreadable(): ProblemError {
  return new ProblemError('bad-request', 'The request line or the Host header cannot be read as a URL.')
}
