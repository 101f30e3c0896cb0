import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { CHROMIUM_ARGS, findChromium } from '../../../scripts/find-programs.mjs'
import type { Browser, Page, User } from './browser.ts'
import { Cdp, type Params } from './cdp.ts'
import { ProcessGroup } from './process-group.ts'

const PIPES = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const

/** Chromium without a window, driven over its own protocol: pages can be hidden, frozen, offline, and crash. */
export class Chromium implements Browser<ChromiumUser> {
  readonly #group: ProcessGroup
  readonly #cdp: Cdp
  readonly #profile: string

  private constructor(group: ProcessGroup, profile: string) {
    this.#group = group
    this.#profile = profile
    const [, , , out, incoming] = group.process.stdio
    this.#cdp = new Cdp(out as Writable, incoming as Readable)
  }

  static async launch(moreArgs: readonly string[] = []): Promise<Chromium> {
    const path = findChromium()
    if (path === null) throw new Error('There is no Chromium: npm test installs it, or set CHROMIUM_PATH.')
    const profile = await mkdtemp(join(tmpdir(), 'lockable-chromium-'))
    const args = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, ...CHROMIUM_ARGS]
    const browser = new Chromium(new ProcessGroup(path, [...args, ...moreArgs], { stdio: PIPES }), profile)
    await browser.#cdp.send('Browser.getVersion')
    return browser
  }

  async newUser(): Promise<ChromiumUser> {
    const { browserContextId } = await this.#cdp.send('Target.createBrowserContext')
    return new ChromiumUser(this.#cdp, String(browserContextId))
  }

  stop(): void {
    this.#group.signal('SIGSTOP')
  }

  resume(): void {
    this.#group.signal('SIGCONT')
  }

  async close(): Promise<void> {
    await this.#group.kill()
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** One window, with a profile of its own. */
export class ChromiumUser implements User<ChromiumPage> {
  readonly #cdp: Cdp
  readonly #context: string

  constructor(cdp: Cdp, context: string) {
    this.#cdp = cdp
    this.#context = context
  }

  /** A tab of the window, before all others. */
  async newPage(): Promise<ChromiumPage> {
    const { targetId } = await this.#cdp.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId: this.#context,
    })
    return ChromiumPage.attach(this.#cdp, String(targetId))
  }
}

export class ChromiumPage implements Page {
  readonly #cdp: Cdp
  readonly #target: string
  readonly #session: string

  private constructor(cdp: Cdp, target: string, session: string) {
    this.#cdp = cdp
    this.#target = target
    this.#session = session
  }

  static async attach(cdp: Cdp, targetId: string): Promise<ChromiumPage> {
    const { sessionId } = await cdp.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new ChromiumPage(cdp, targetId, String(sessionId))
    await page.#send('Page.enable')
    return page
  }

  async goto(url: string): Promise<void> {
    const loaded = this.#cdp.next('Page.loadEventFired', this.#session)
    const { errorText } = await this.#send('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${String(errorText)}`)
    await loaded
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(describe(exceptionDetails as Params))
    return (result as Params).value
  }

  async close(): Promise<void> {
    await this.#cdp.send('Target.closeTarget', { targetId: this.#target })
  }

  /** Brings its tab to the front of its window. */
  async show(): Promise<void> {
    await this.#cdp.send('Target.activateTarget', { targetId: this.#target })
  }

  /** Freezes a page that is hidden. */
  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' })
  }

  /** Lets a frozen page go on. */
  async resume(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'active' })
  }

  /** Has its renderer crash. */
  async crash(): Promise<void> {
    await this.#send('Inspector.enable')
    const crashed = this.#cdp.next('Inspector.targetCrashed', this.#session)
    // It is never answered.
    this.#send('Page.crash').catch(() => {})
    await crashed
  }

  /** Takes the network from the page and its workers, or gives it back. */
  async setOffline(offline: boolean): Promise<void> {
    const conditions = { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 }
    if (offline) await this.#reachWorkers()
    await this.#send('Network.enable')
    await this.#send('Network.emulateNetworkConditions', conditions)
  }

  /** What the network of the page is told goes on to those of its workers where that is watched. */
  async #reachWorkers(): Promise<void> {
    const workers: string[] = []
    const stop = this.#cdp.listen(({ method, params, sessionId }) => {
      if (method === 'Target.attachedToTarget' && sessionId === this.#session) workers.push(String(params.sessionId))
    })
    // Answered when it is attached to all that there are.
    await this.#send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true })
    stop()
    await Promise.all(workers.map((worker) => this.#cdp.send('Network.enable', {}, worker)))
  }

  #send(method: string, params?: Params): Promise<Params> {
    return this.#cdp.send(method, params, this.#session)
  }
}

function describe({ text, exception }: Params): string {
  const { description, value } = (exception ?? {}) as Params
  return String(description ?? value ?? text)
}
