import { createServer, type IncomingMessage, request as passOn, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request that came to the server. Preflights are none. */
export interface Seen {
  readonly method: string
  readonly path: string
  /** The JSON of the body; `null` if there is none. */
  readonly body: unknown
  /** Wall-clock ms at which all of it was there. */
  readonly wall: number
  /** Whether its reply is still being sent or waited for. */
  isOpen: boolean
}

export type Which = (request: Seen) => boolean

export interface GatewayOptions {
  /** `false`: to its clients the server knows no sessions. Default `true`. */
  readonly sessions?: boolean
}

const SESSION_PATH = /^\/v1\/session\//

/**
 * A reverse proxy before the lock server for the clients of one test: it sees all of their requests, and it can be out of
 * reach. HTTP/1.1, so browsers have six connections to it.
 */
export class Gateway {
  /** What has come so far, in order. */
  readonly seen: Seen[] = []
  readonly #target: URL
  readonly #hasSessions: boolean
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Set<(seen: Seen) => void>()
  #server: Server | null = null
  #port = 0

  private constructor(target: string, { sessions = true }: GatewayOptions) {
    this.#target = new URL(target)
    this.#hasSessions = sessions
  }

  static async open(target: string, options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = new Gateway(target, options)
    await gateway.#listen()
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Those that came since so many were seen. */
  since(count: number, which: Which = () => true): Seen[] {
    return this.seen.slice(count).filter(which)
  }

  /** How many are open now. */
  open(which: Which): number {
    return this.seen.filter((seen) => seen.isOpen && which(seen)).length
  }

  /** The next request of that kind, the `count`th from now on. */
  next(which: Which, count = 1): Promise<Seen> {
    let left = count
    return new Promise((resolve) => {
      const hear = (seen: Seen) => {
        if (!which(seen)) return
        left -= 1
        if (left > 0) return
        this.#waiting.delete(hear)
        resolve(seen)
      }
      this.#waiting.add(hear)
    })
  }

  /** The first time that no such request came for `ms`. */
  silence(which: Which, ms: number): Promise<{ readonly from: number; readonly to: number }> {
    return new Promise((resolve) => {
      let from = Date.now()
      const fallSilent = () => {
        this.#waiting.delete(hear)
        resolve({ from, to: Date.now() })
      }
      let timer = setTimeout(fallSilent, ms)
      const hear = (seen: Seen) => {
        if (!which(seen)) return
        clearTimeout(timer)
        from = seen.wall
        timer = setTimeout(fallSilent, ms)
      }
      this.#waiting.add(hear)
    })
  }

  /** Resets all connections, and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  /** Ends a refusal. */
  async heal(): Promise<void> {
    if (this.#server === null) await this.#listen()
  }

  async #listen(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A page that goes may cut its request off.
    const body = await text(request).catch(() => null)
    if (body === null) return
    const seen = this.#see(request, body)
    const { method = 'GET', headers } = request
    const upstream = passOn(
      { host: this.#target.hostname, port: this.#target.port, method, headers, path: this.#pathFor(request) },
      (reply) => {
        response.writeHead(reply.statusCode ?? 502, reply.headers)
        response.flushHeaders()
        reply.pipe(response)
      },
    )
    upstream.on('error', () => response.destroy())
    response.on('close', () => {
      seen.isOpen = false
      // The server notices only who went while it was waited for; anything else it has got, and does.
      if (isParked(seen)) upstream.destroy()
    })
    upstream.end(body)
  }

  #see({ method = 'GET', url = '/' }: IncomingMessage, body: string): Seen {
    const seen: Seen = { method, path: url, body: readJson(body), wall: Date.now(), isOpen: true }
    if (method === 'OPTIONS') return seen
    this.seen.push(seen)
    for (const hear of [...this.#waiting]) hear(seen)
    return seen
  }

  #pathFor({ url = '/' }: IncomingMessage): string {
    return this.#hasSessions ? url : url.replace(SESSION_PATH, '/v1/nothing-there/')
  }
}

/** A request that does nothing but renew, one lock or a session. */
export const isHeartbeat: Which = ({ path }) => path.startsWith('/v1/heartbeat/') || path === '/v1/session/heartbeat'

/** What a page's own timer sends, see `Bench.tick`. */
export const isTick: Which = ({ path }) => path === '/tick'

/** A stream of news. */
export const isStream: Which = ({ path }) => path === '/v1/session/stream'

const isParked: Which = (seen) => isStream(seen) || seen.path.startsWith('/v1/acquire/')

/** A request that asks how those stand who wait, and confirms nothing. */
export const isPoll: Which = ({ path, body }) => {
  if (path !== '/v1/session/commands') return path.startsWith('/v1/acquire/')
  const { commands, confirm = [] } = body as { commands: readonly { op: string }[]; confirm?: readonly string[] }
  return confirm.length === 0 && commands.every(({ op }) => op === 'acquire')
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
