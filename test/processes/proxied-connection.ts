import { connect, type Socket } from 'node:net'
import type { Fault } from './fault.ts'
import { RequestFramer, type WholeRequest } from './request-framer.ts'

/** What a connection asks of the proxy that it goes through. */
export interface ConnectionOptions {
  readonly targetPort: number
  /** What is to happen to this request, and who wants to know what the server replies to it. */
  readonly judge: (request: WholeRequest) => Judgement
  /** Called when neither of its ends is open any more. */
  readonly ended: () => void
}

export interface Judgement {
  readonly fault: Fault | null
  readonly replied: (reply: string) => void
}

/** One connection of a client, and the one to the server that belongs to it. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #options: ConnectionOptions
  readonly #framer = new RequestFramer()
  #server: Socket | null = null
  #swallowing = false
  /** What becomes of the bytes that the server sends. */
  #deliver: (bytes: Buffer) => void
  #replied: (reply: string) => void = () => {}
  /** A request that is held goes out although its client has gone. */
  #holds = 0

  constructor(client: Socket, options: ConnectionOptions) {
    this.#client = client
    this.#options = options
    this.#deliver = (bytes) => this.#client.write(bytes)
    client.on('error', () => {})
    client.on('data', (bytes) => this.#hear(bytes))
    client.on('close', () => this.#clientClosed())
  }

  /** Swallows all that comes from either side from now on; both believe that the connection is fine. */
  swallow(): void {
    this.#swallowing = true
  }

  /** Ends it with a RST. */
  reset(): void {
    this.#client.resetAndDestroy()
    this.#server?.destroy()
  }

  #hear(bytes: Buffer): void {
    if (this.#swallowing) return
    for (const request of this.#framer.push(bytes)) this.#take(request)
  }

  #take(request: WholeRequest): void {
    const { fault, replied } = this.#options.judge(request)
    this.#replied = replied
    switch (fault?.kind) {
      case 'reset':
        return this.reset()
      case 'half-open':
        this.#swallowing = true
        this.#server?.destroy()
        return
      case 'cut-reply':
        this.#deliver = (bytes) => this.#client.end(bytes.subarray(0, bytes.length / 2))
        break
      case 'swallow-reply':
        this.#deliver = () => {}
        break
      case 'cut':
        void fault.from.then(() => this.reset())
        break
      case 'mute':
        void fault.from.then(() => this.swallow())
        break
      case 'hold-reply':
        this.#deliver = (bytes) => void fault.until.then(() => this.#client.write(bytes))
        break
      case 'hold-request':
        this.#holds += 1
        void fault.until.then(() => this.#forward(request))
        return
    }
    this.#forward(request)
    if (fault?.kind === 'half-close') this.#server?.end()
  }

  #forward({ bytes }: WholeRequest): void {
    this.#server ??= this.#connect()
    this.#server.write(bytes)
  }

  #connect(): Socket {
    const server = connect(this.#options.targetPort, '127.0.0.1')
    server.setNoDelay()
    server.on('error', () => {})
    server.on('data', (bytes) => {
      if (this.#swallowing) return
      this.#replied(bytes.toString())
      this.#deliver(bytes)
      if (this.#holds > 0) this.#letGo(server)
    })
    server.on('close', () => {
      // Where all is swallowed the client does not hear of it either.
      if (!this.#swallowing) this.#client.destroy()
      else if (this.#client.destroyed) this.#options.ended()
    })
    return server
  }

  #letGo(server: Socket): void {
    this.#holds -= 1
    if (!this.#client.destroyed) return
    server.destroy()
    this.#options.ended()
  }

  #clientClosed(): void {
    // Where all is swallowed the server does not hear of it, and where a request is held, it goes first.
    const serverStays = (this.#swallowing && this.#server?.destroyed === false) || this.#holds > 0
    if (serverStays) return
    this.#replied('')
    this.#server?.destroy()
    this.#options.ended()
  }
}
