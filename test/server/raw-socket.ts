import { connect } from 'node:net'
import type { LockServer } from '../../src/server/node.ts'

/** What came back on a connection that was then ended. */
export interface RawReply {
  readonly status: number
  readonly text: string
  /** Of all replies on the connection: more than one if the server saw more than one request. */
  readonly statuses: readonly number[]
}

/** Sends `text` exactly as it is, and reads until the server ends the connection. */
export function sendRaw(server: LockServer, text: string): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, server.host)
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (data) => {
      received += data
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may end the connection while it is still being written to.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => {
      const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status))
      resolve({ status: statuses[0] ?? 0, text: received, statuses })
    })
    socket.write(text)
  })
}
