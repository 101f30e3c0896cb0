import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** Longer than any process is stopped, so that none finds its connection closed afterwards. */
const KEEP_ALIVE_MS = 60_000

/** A write that somebody asked for. */
export interface Write {
  readonly name: string
  readonly token: number
  readonly accepted: boolean
}

interface Touch {
  readonly token: number
  readonly who: number
  /** Default: `'write'`. */
  readonly only?: 'read' | 'write'
}

/** What locks protect: it accepts nothing with a smaller fencing token than that of a write that it has seen, over HTTP. */
export class GuardedResource {
  readonly writes: Write[] = []
  readonly #server: Server
  readonly #largest = new Map<string, number>()
  readonly #lurking = new Map<number, () => void>()

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS
  }

  static async listen(): Promise<GuardedResource> {
    const resource = new GuardedResource()
    await new Promise<void>((resolve) => resource.#server.listen(0, '127.0.0.1', resolve))
    return resource
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves while this process waits for the answer to its next write. One can wait for each. */
  nextWriteOf(who: number): Promise<void> {
    return new Promise((resolve) => this.#lurking.set(who, resolve))
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = (request.url ?? '').slice(1)
    const { token, who, only } = (await json(request)) as Touch
    this.#lurking.get(who)?.()
    const accepted = only === 'read' ? this.#isNew(name, token) : this.#write(name, token)
    response.end(JSON.stringify({ accepted }))
  }

  #isNew(name: string, token: number): boolean {
    return token >= (this.#largest.get(name) ?? 0)
  }

  #write(name: string, token: number): boolean {
    const accepted = this.#isNew(name, token)
    if (accepted) this.#largest.set(name, token)
    this.writes.push({ name, token, accepted })
    return accepted
  }
}
