import { inject } from 'vitest'
import { type LockServer, serve } from '../../src/server/node.ts'
import { type App, serveApp, withHeaders } from '../runtimes/web-app.ts'
import type { Page, User } from './drivers/browser.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'
import type { BenchOptions } from './page/bench.ts'
import { Rival } from './rival.ts'
import { Tab } from './tab.ts'

/** What a user logs in with. */
const TOKEN = 'bench-token'
/** Long enough that nothing runs out within a test; what ends before was released. */
const LONG_MS = 60_000

export interface WorldOptions {
  /** Sent with each page, such as a Content Security Policy. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The pages of one application, a lock server of another origin, and another client of that. */
export class World implements AsyncDisposable {
  readonly rival: Rival
  readonly #apps: readonly [App, ...App[]]
  readonly #server: LockServer
  readonly #gateways: Gateway[] = []

  private constructor(apps: readonly [App, ...App[]], server: LockServer) {
    this.#apps = apps
    this.#server = server
    this.rival = new Rival(server.url, TOKEN)
  }

  static async create({ headers }: WorldOptions = {}): Promise<World> {
    const plain = await serveApp(inject('pages'))
    const app = headers === undefined ? plain : await withHeaders(plain, headers)
    const lease = { minMs: 500, defaultMs: LONG_MS, classicMs: LONG_MS }
    const server = await serve({ port: 0, tokens: [TOKEN], cors: [new URL(app.url).origin], lease })
    return new World(app === plain ? [app] : [app, plain], server)
  }

  /** A way to the server for the clients of one test. */
  async gateway(options?: GatewayOptions): Promise<Gateway> {
    const gateway = await Gateway.open(this.#server.url, options)
    this.#gateways.push(gateway)
    return gateway
  }

  /** Opens a page whose client goes by way of `gateway`. */
  openTab<P extends Page>(
    user: User<P>,
    gateway: Gateway,
    options: Omit<BenchOptions, 'url' | 'authToken'> = {},
  ): Promise<Tab<P>> {
    const client = { url: gateway.url, authToken: TOKEN, ...options }
    return Tab.open(user, this.#apps[0].url, client)
  }

  /** Another page of the application. */
  get elsewhere(): string {
    return `${this.#apps[0].url}elsewhere.html`
  }

  /** Requests `path` of the lock server from a page, as the application might; resolves to the ms that took. */
  request(tab: Tab, gateway: Gateway, path: string): Promise<number> {
    return tab.run((bench, [url, token]: [string, string]) => bench.request(url, token), [gateway.url + path, TOKEN])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#gateways.map((gateway) => gateway.refuse()))
    await this.#server.close()
    await Promise.all(this.#apps.map((app) => app.close()))
  }
}
