import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { IdleServer } from './idle-server.ts'

export interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
}

/** Many clients of one server, of which those that only ask share some connections. */
export class IdleClients {
  readonly #server: IdleServer
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 })
  readonly #sockets = new Set<Socket>()

  constructor(server: IdleServer) {
    this.#server = server
  }

  ask(path: string, body: object | null = null): Promise<Answer> {
    const { host, port } = this.#server
    const method = body === null ? 'GET' : 'POST'
    const headers = body === null ? {} : { 'Content-Type': 'application/json' }
    return new Promise((resolve, reject) => {
      const outgoing = request({ host, port, path, method, headers, agent: this.#agent }, (incoming) => {
        let text = ''
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, json: JSON.parse(text) }))
      })
      outgoing.on('error', reject)
      outgoing.end(body === null ? undefined : JSON.stringify(body))
    })
  }

  /** Sends a request on a connection of its own, which is kept. Resolves when some of the answer is there. */
  answered(path: string, body: object): Promise<string> {
    const { host, port } = this.#server
    const text = JSON.stringify(body)
    const socket = connect(port, host)
    this.#sockets.add(socket)
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    )
    return new Promise((resolve, reject) => {
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
        if (/\r\n\r\n./.test(answer)) resolve(answer)
      })
      socket.on('close', () => reject(new Error('The connection was closed before there was an answer.')))
      socket.on('error', () => undefined)
    })
  }

  /** Breaks off all connections that were kept. */
  leave(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  close(): void {
    this.leave()
    this.#agent.destroy()
  }
}
