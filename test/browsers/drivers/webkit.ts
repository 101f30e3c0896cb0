import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { findWebKit } from '../../../scripts/find-programs.mjs'
import type { Browser, Page, User } from './browser.ts'
import { ProcessGroup } from './process-group.ts'

/** ms between looks at whether something that the page works on is done; a script must not keep the driver from others. */
const POLL_MS = 25

/** WebKitGTK in a window on a screen that nobody sees, by WebDriver. Its driver has one session, so one user. */
export class WebKit implements Browser {
  readonly #groups: readonly ProcessGroup[]
  readonly #driver: WebDriver

  private constructor(groups: readonly ProcessGroup[], driver: WebDriver) {
    this.#groups = groups
    this.#driver = driver
  }

  static async launch(): Promise<WebKit> {
    const programs = findWebKit()
    if (programs === null) throw new Error('There is no WebKitGTK: npm test installs it where it can.')
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe'] as const
    const screen = new ProcessGroup(programs.screen, ['-displayfd', '3', '-nolisten', 'tcp'], { stdio })
    const display = await firstLine(screen.process.stdio[3] as Readable)
    const port = await freePort()
    const group = new ProcessGroup(programs.driver, [`--port=${port}`], {
      env: {
        DISPLAY: `:${display}`,
        GDK_BACKEND: 'x11',
        LIBGL_ALWAYS_SOFTWARE: '1',
        // As root there is none.
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      },
    })
    const driver = await WebDriver.connect(`http://127.0.0.1:${port}`, programs.browser)
    return new WebKit([group, screen], driver)
  }

  async newUser(): Promise<User> {
    return { newPage: () => this.#driver.newWindow() }
  }

  stop(): void {
    this.#groups[0]?.signal('SIGSTOP')
  }

  resume(): void {
    this.#groups[0]?.signal('SIGCONT')
  }

  async close(): Promise<void> {
    await this.#driver.end()
    for (const group of this.#groups) await group.kill()
  }
}

/** One session. A command goes to the window that was switched to, so that they go one after the other. */
class WebDriver {
  readonly #session: string
  /** The window that was there at first; new ones can be asked for only from one that is open. */
  readonly #home: string
  #last: Promise<unknown> = Promise.resolve()
  #scripts = 0

  private constructor(session: string, home: string) {
    this.#session = session
    this.#home = home
  }

  static async connect(url: string, binary: string): Promise<WebDriver> {
    await untilReady(url)
    const options = { binary, args: ['--automation'] }
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } }
    const { sessionId } = (await call(`${url}/session`, { capabilities })) as { sessionId: string }
    const session = `${url}/session/${sessionId}`
    return new WebDriver(session, (await call(`${session}/window`, undefined, 'GET')) as string)
  }

  async newWindow(): Promise<Page> {
    const { handle } = (await this.#in(this.#home, 'window/new', { type: 'tab' })) as { handle: string }
    return {
      goto: async (url) => void (await this.#in(handle, 'url', { url })),
      evaluate: (script) => this.#evaluate(handle, script),
      close: () =>
        this.#alone(async () => {
          await this.#switch(handle)
          await call(`${this.#session}/window`, undefined, 'DELETE')
        }),
    }
  }

  async end(): Promise<void> {
    await call(this.#session, undefined, 'DELETE').catch(() => {})
  }

  async #evaluate(handle: string, script: string): Promise<unknown> {
    this.#scripts += 1
    const slot = `window.script${this.#scripts}`
    await this.#in(handle, 'execute/sync', { script: settling(slot, script), args: [] })
    for (;;) {
      const result = (await this.#in(handle, 'execute/sync', { script: `return ${slot} ?? null`, args: [] })) as Result
      if (result === null) throw new Error('The page has gone meanwhile.')
      if (result.isSettled) return settled(result)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  #in(handle: string, command: string, body: object): Promise<unknown> {
    return this.#alone(async () => {
      await this.#switch(handle)
      return call(`${this.#session}/${command}`, body)
    })
  }

  #switch(handle: string): Promise<unknown> {
    return call(`${this.#session}/window`, { handle })
  }

  async #alone<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task, task)
    this.#last = turn.catch(() => {})
    return turn
  }
}

type Result = { readonly isSettled: boolean; readonly value?: unknown; readonly error?: string } | null

/** Evaluates `script` and keeps in `slot` what comes of it. */
function settling(slot: string, script: string): string {
  const settle = (value: string) => `(result) => { ${slot} = { isSettled: true, ${value} } }`
  return `${slot} = { isSettled: false }
    Promise.resolve().then(() => ${script}).then(${settle('value: result')}, ${settle('error: String(result)')})`
}

function settled({ value, error }: NonNullable<Result>): unknown {
  if (error !== undefined) throw new Error(error)
  return value
}

async function call(url: string, body?: object, method = 'POST'): Promise<unknown> {
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const { value } = (await response.json()) as { value: unknown }
  if (!response.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`)
  return value
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await fetch(`${url}/status`)
      return
    } catch (error) {
      if (attempt === 200) throw error
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

function firstLine(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    stream.once('data', (chunk) => resolve(String(chunk).trim()))
    stream.once('end', () => reject(new Error('Xvfb does not start.')))
  })
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
