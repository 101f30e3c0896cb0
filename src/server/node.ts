import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { DEFAULT_PORT } from '../protocol/port.ts'
import { createHandler, type LockHandler } from './handler.ts'
import { hasDotSegment } from './http/path.ts'
import { ProblemError, quote } from './http/problem-error.ts'
import { problemReply } from './http/reply.ts'
import { trackConnections } from './node-connections.ts'
import { checkExposure, hasTwoHosts, remoteAddressOf } from './node-exposure.ts'
import { type HandlerOptions, isOpenServer } from './options.ts'

export { openTokenFile, type TokenFile, type TokenFileOptions } from './auth/token-file-watch.ts'
export { createEtcdStore, type EtcdStore, type EtcdStoreOptions } from './stores/etcd.ts'
export { createFileStore, type FileStore, type FileStoreOptions } from './stores/file.ts'
export { openMark } from './stores/memory/mark-file.ts'
export { createPostgresStore, type PostgresStore, type PostgresStoreOptions } from './stores/postgres.ts'

const LOOPBACK = '127.0.0.1'

/** Longer than the 60 s for which proxies keep a connection, so that it is they who close it. */
const KEEP_ALIVE_MS = 65_000

/** No client of ours takes a second to send its headers, or leaves a reply unread for one. */
const LONGEST_HEADERS_MS = 10_000

/** How often connections are looked at for requests that are late, in ms, unless they may take less. */
const LATE_CHECK_MS = 2_000

export interface ServeOptions extends HandlerOptions {
  /** 0 for any that is free. Default 5625. */
  readonly port?: number
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string
  /**
   * The certificate, with those between it and the root, and its private key, both as PEM. Default: plain HTTP, which
   * beyond loopback needs `behindProxy`.
   */
  readonly tls?: { readonly cert: string; readonly key: string }
  /**
   * A proxy stands in front, which ends TLS, and tells the address of the client as the last of `X-Forwarded-For`. Nobody
   * else may reach the port. Default `false`.
   */
  readonly behindProxy?: boolean
  /** Listen beyond loopback though everybody there could lock, or could hear the tokens. Default `false`. */
  readonly insecure?: boolean
  /**
   * How long a client may take to send a request, in ms; its headers have 10 s of it. Who takes longer is answered 408 and
   * cut off, within 2 s; who takes nothing of a reply for 10 s is cut off too. It says nothing of how long a request may
   * wait for its turn. Default 30,000.
   */
  readonly requestTimeoutMs?: number
  /**
   * Connections at once; a request that waits has one, and a stream too. When there are nearly so many, a newcomer takes
   * the place of the one that has carried no request for longest; if all carry one, the newcomer is closed. The process
   * must be allowed as many open files. Default 20,000.
   */
  readonly maxConnections?: number
  /**
   * How long the server, when it closes, goes on serving heartbeats and releases while it grants nothing any more and
   * `/readyz` answers 503, in ms: as long as those who send requests take to notice. Default 0.
   */
  readonly drainMs?: number
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
  const { host = LOOPBACK, closeTimeoutMs = 5_000, drainMs = 0, tls, behindProxy = false, insecure = false } = options
  const isOpen = isOpenServer(options)
  checkWhole('drainMs', drainMs, 0)
  checkExposure({ host, isOpen, hasTls: tls !== undefined, behindProxy, insecure })
  const handler = createHandler({ ...options, ...(isOpen && { hosts: [...(options.hosts ?? []), host] }) })
  const { server, endConnections } = await listening(handler, options).catch(async (error) => {
    await handler.close()
    throw error
  })
  const address = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closeServer(server, handler, { endConnections, drainMs, timeoutMs: closeTimeoutMs })
    return closed
  }
  const url = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  return { url, host, port: address.port, close, [Symbol.asyncDispose]: close }
}

async function listening(
  handler: LockHandler,
  options: ServeOptions,
): Promise<{ server: Server; endConnections: () => void }> {
  const { port = DEFAULT_PORT, host = LOOPBACK, maxConnections: most = 20_000 } = options
  checkWhole('maxConnections', most, 2)
  const patience = patienceOf(options)
  const server = createNodeServer(handler, options, patience)
  const endConnections = trackConnections(server, { most, unreadMs: patience.headersTimeout })
  await listen(server, port, host)
  return { server, endConnections }
}

function createNodeServer(handler: LockHandler, options: ServeOptions, patience: Patience): Server {
  const { tls, behindProxy = false, overrideGlobalObjects = false } = options
  const answer = getRequestListener(
    (request, { incoming }) => {
      const problem = problemOf(incoming)
      if (problem !== null) return problemReply(problem)
      return handler.fetch(request, { remoteAddress: remoteAddressOf(incoming, behindProxy) })
    },
    { overrideGlobalObjects, errorHandler: () => problemReply(unreadable()) },
  )
  const listener: RequestListener = (incoming, outgoing) => void answer(incoming, outgoing)
  const server = tls === undefined ? createServer(patience, listener) : tlsServer({ ...tls, ...patience }, listener)
  // Beyond its default Node drops headers and tells nobody; their size is bounded anyhow.
  server.maxHeadersCount = 0
  return server
}

/** How long is waited for what a client should do. */
interface Patience {
  readonly keepAliveTimeout: number
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
}

function patienceOf({ requestTimeoutMs = 30_000 }: ServeOptions): Patience {
  checkWhole('requestTimeoutMs', requestTimeoutMs, 1)
  return {
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: Math.min(LONGEST_HEADERS_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(LATE_CHECK_MS, requestTimeoutMs),
  }
}

function tlsServer(options: TlsServerOptions, listener: RequestListener): Server {
  try {
    return createTlsServer({ ...options, handshakeTimeout: LONGEST_HEADERS_MS }, listener)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(
      `The certificate and its key (--tls-cert, --tls-key, tls) cannot be used: ${why}. Both must be PEM, and belong to each other.`,
      { cause },
    )
  }
}

/** What cannot be seen in the request of the handler any more. */
function problemOf(incoming: Pick<IncomingMessage, 'url' | 'rawHeaders'>): ProblemError | null {
  // URL parsers fold dot segments away; the name would be another.
  if (hasDotSegment(incoming.url ?? '')) return dotSegment(incoming.url)
  return hasTwoHosts(incoming) ? new ProblemError('bad-request', 'There are two Host headers: send one.') : null
}

function checkWhole(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new TypeError(`${option} must be a whole number, ${least} or more; got ${value}.`)
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
  { endConnections, drainMs, timeoutMs }: { endConnections: () => void; drainMs: number; timeoutMs: number },
): Promise<void> {
  handler.drain()
  if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs))
  const stopped = new Promise((resolve) => server.close(resolve))
  endConnections()
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs)
  await handler.close()
  await stopped
  clearTimeout(timer)
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
