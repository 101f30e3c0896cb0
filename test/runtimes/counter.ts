import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** A number that is read and written over HTTP by programs, which have to see to it themselves that they take turns. */
export class Counter {
  value = 0
  /** The fencing tokens of the writes, in order. */
  readonly tokens: unknown[] = []
  readonly #server: Server
  readonly #expected: number
  readonly #starters: ServerResponse[] = []

  private constructor(expected: number) {
    this.#expected = expected
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  /** @param expected how many processes there will be: none starts before all of them are ready. */
  static async listen(expected: number): Promise<Counter> {
    const counter = new Counter(expected)
    await new Promise<void>((resolve) => counter.#server.listen(0, '127.0.0.1', resolve))
    return counter
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/start') return this.#start(response)
    if (request.method === 'PUT') {
      const { value, token } = (await json(request)) as { value: number; token: unknown }
      this.value = value
      this.tokens.push(token)
    }
    response.end(JSON.stringify(this.value))
  }

  #start(response: ServerResponse): void {
    this.#starters.push(response)
    if (this.#starters.length < this.#expected) return
    for (const each of this.#starters) each.end()
  }
}
