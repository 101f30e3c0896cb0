import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Fault } from './fault.ts'
import { type Judgement, ProxiedConnection } from './proxied-connection.ts'
import type { WholeRequest } from './request-framer.ts'
import type { Matcher } from './requests.ts'

/** A request that something was done to. */
export interface Hit {
  readonly request: WholeRequest
  /** What the server answered, also if the client never hears of it; empty if the client went before. */
  readonly reply: Promise<string>
}

interface Rule {
  readonly matches: Matcher
  readonly fault: (request: WholeRequest) => Fault | null
  readonly hit: (hit: Hit) => void
  timesLeft: number
}

const listening = new Set<FaultProxy>()

/**
 * The network between a client and a lock server: a TCP proxy that looks into requests, and does to them and to
 * connections what a test says. Without being told it passes everything on.
 */
export class FaultProxy {
  #targetPort: number
  readonly #connections = new Set<ProxiedConnection>()
  readonly #rules: Rule[] = []
  #server: Server | null = null
  #port = 0
  #blackHole = false

  private constructor(target: string) {
    this.#targetPort = Number(new URL(target).port)
  }

  static async listen(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    listening.add(proxy)
    await proxy.#listen()
    return proxy
  }

  /** Closes all that listen. */
  static async closeAll(): Promise<void> {
    await Promise.all([...listening].map((proxy) => proxy.close()))
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Leads to another server from now on; the connections to the old one are reset. */
  retarget(target: string): void {
    this.#targetPort = Number(new URL(target).port)
    this.#resetAll()
  }

  /**
   * Does something to the next requests that match. Of several rules for a request the earliest goes first; one that
   * chooses nothing for a request lets it pass.
   *
   * @returns resolves with the first of them.
   */
  fault(matches: Matcher, fault: Fault | ((request: WholeRequest) => Fault | null), times = 1): Promise<Hit> {
    return new Promise((hit) => {
      const choose = typeof fault === 'function' ? fault : () => fault
      this.#rules.push({ matches, fault: choose, hit, timesLeft: times })
    })
  }

  /** From now on all is swallowed, in both directions: connections stay open, and new ones are accepted. */
  blackHole(): void {
    this.#blackHole = true
    for (const connection of this.#connections) connection.swallow()
  }

  /** Resets all connections, and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = null
    const closed = new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)))
    this.#resetAll()
    await closed
  }

  /** Ends a black hole and a refusal. What was swallowed stays lost, so its connections are reset. */
  async heal(): Promise<void> {
    if (this.#blackHole) this.#resetAll()
    this.#blackHole = false
    if (this.#server === null) await this.#listen()
  }

  async close(): Promise<void> {
    listening.delete(this)
    await this.refuse()
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#accept(client))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  #accept(client: Socket): void {
    client.setNoDelay()
    const connection = new ProxiedConnection(client, {
      targetPort: this.#targetPort,
      judge: (request) => this.#judge(request),
      ended: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    if (this.#blackHole) connection.swallow()
  }

  #judge(request: WholeRequest): Judgement {
    let replied: (reply: string) => void = () => {}
    const reply = new Promise<string>((resolve) => {
      replied = resolve
    })
    const rule = this.#rules.find(({ matches, timesLeft }) => timesLeft > 0 && matches(request))
    if (!rule) return { fault: null, replied }
    rule.timesLeft -= 1
    rule.hit({ request, reply })
    return { fault: rule.fault(request), replied }
  }

  #resetAll(): void {
    for (const connection of [...this.#connections]) connection.reset()
  }
}
