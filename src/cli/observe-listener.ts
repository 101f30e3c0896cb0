import { createServer } from 'node:http'
import type { MetricsPage } from '../server/options.ts'
import type { ListenAddress } from './observe-flags.ts'

/** A listener that serves nothing but metrics, to everybody who reaches it. */
export interface MetricsListener {
  /** The real address, also where port 0 was asked for. */
  readonly url: string
  close(): Promise<void>
}

/** Rejects with an `Error` that says what to do if it cannot listen. */
export async function listenForMetrics(
  { host, port }: ListenAddress,
  metrics: () => Promise<MetricsPage>,
  onError: (error: unknown) => void,
): Promise<MetricsListener> {
  const server = createServer(async ({ method, url }, outgoing) => {
    const isAsked = url === '/metrics' && (method === 'GET' || method === 'HEAD')
    if (!isAsked) return outgoing.writeHead(404, { 'Content-Type': 'text/plain' }).end('Here is only GET /metrics.\n')
    try {
      const { contentType, text } = await metrics()
      outgoing.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(text)
    } catch (error) {
      onError(error)
      outgoing
        .writeHead(500, { 'Content-Type': 'text/plain' })
        .end('The figures could not be gathered; the log says more.\n')
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)))
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const realPort = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${realPort}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): Error {
  const what =
    cause.code === 'EADDRINUSE'
      ? 'is in use: stop what listens there, or choose another'
      : `cannot be listened on (${cause.message}): choose another`
  return new Error(`Port ${port} on ${host} for metrics ${what} with --metrics-listen.`, { cause })
}
