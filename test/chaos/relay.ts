import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One address for servers that take each other's place, as a proxy before a database has it. */
export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #targetPort: number

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((client) => this.#accept(client))
  }

  static async listen(targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort)
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve))
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Leads to another server from now on; the connections to the old one are cut. */
  retarget(targetPort: number): void {
    this.#targetPort = targetPort
    this.#cut()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#cut()
    await closed
  }

  #accept(client: Socket): void {
    const server = connect(this.#targetPort, '127.0.0.1')
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one)
      one.setNoDelay()
      one.on('error', () => {})
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }

  #cut(): void {
    for (const socket of [...this.#sockets]) socket.destroy()
  }
}
