import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect, vi } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { carried, type OpenStream } from './adapters-stream.ts'

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly json: Record<string, unknown>
}

export interface Sent {
  readonly method?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

/** Far longer than a place is kept for somebody who has gone, and shorter than they wanted to wait. */
const LEAVING_MS = 20_000

/** A connection that carries nothing for so long has no more to say, in ms. */
const ANSWER_MS = 15_000

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** A client that speaks to one server about locks that nobody else speaks of. */
export class Client {
  readonly address: Address
  readonly #prefix: string

  /** @param prefix of the names of its locks. */
  constructor(address: Address, prefix: string) {
    this.address = address
    this.#prefix = prefix
  }

  /** What the lock `name` is called on the server. */
  nameOf(name: string): string {
    return `${this.#prefix}/${name}`
  }

  async send(path: string, { method = 'GET', ...sent }: Sent = {}): Promise<Reply> {
    const { host, port } = this.address
    const response = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`, {
      method,
      ...sent,
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, json: text === '' ? {} : JSON.parse(text) }
  }

  post(path: string, body: object, signal?: AbortSignal): Promise<Reply> {
    const sent = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) }
    return this.send(path, signal === undefined ? sent : { ...sent, signal })
  }

  /** Acquires, and says how to release. */
  async hold(name: string): Promise<() => Promise<void>> {
    const owner = newOwner()
    const { json } = await this.post(`/v1/acquire/${this.nameOf(name)}`, { owner })
    expect(json).toMatchObject({ response: true })
    return async () => {
      const released = await this.post(`/v1/release/${this.nameOf(name)}`, { owner })
      expect(released.json).toMatchObject({ response: true })
    }
  }

  /** Waits for its turn, for at most `waitMs`. */
  async wait(
    name: string,
    { waitMs = 30_000, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<unknown> {
    const { json } = await this.post(`/v1/acquire/${this.nameOf(name)}`, { owner: newOwner(), wait_ms: waitMs }, signal)
    return json
  }

  /** Resolves when exactly `count` wait, which may take the length of a ticket. */
  async untilWaiting(name: string, count: number): Promise<void> {
    const status = `/v1/status/${this.nameOf(name)}`
    // Not `expect.poll`, which knows only one test at a time.
    await vi.waitFor(async () => expect((await this.send(status)).json.waiters).toBe(count), { timeout: LEAVING_MS })
  }

  commands(session: string, seq: number, commands: readonly object[], confirm: readonly string[] = []): Promise<Reply> {
    return this.post('/v1/session/commands', { session, open: { lease_ms: 60_000 }, seq, commands, confirm })
  }

  /** Opens a stream on a connection of its own. */
  stream(session: string): Promise<OpenStream> {
    return new Promise((resolve, reject) => {
      const path = '/v1/session/stream'
      const outgoing = request({ ...this.address, path, method: 'POST', headers: JSON_TYPE, agent: false })
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => resolve(carried(incoming, () => outgoing.destroy())))
      outgoing.end(JSON.stringify({ sessions: [{ session }] }))
    })
  }

  /** A connection that has sent `text`. */
  async connect(text: string): Promise<Socket> {
    const socket = connect(this.address)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }

  /** What a connection answers to `text` until it ends, or until there is `last` in it. */
  async answerTo(text: string, last: RegExp): Promise<string> {
    const socket = await this.connect(text)
    socket.setTimeout(ANSWER_MS, () => socket.destroy())
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      if (last.test(answer)) break
    }
    socket.destroy()
    return answer
  }
}

/** A request as it goes over the wire. */
export function raw(method: string, path: string, body: object | null = null): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`
  if (body === null) return `${head}\r\n`
  const text = JSON.stringify(body)
  return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
