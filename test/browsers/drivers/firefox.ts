import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firefox, type Browser as PlaywrightBrowser } from 'playwright-core'
import { findFirefox } from '../../../scripts/find-programs.mjs'
import type { Browser, Page, User } from './browser.ts'
import { signalGroup } from './process-group.ts'

/** Firefox without a window, by WebDriver BiDi, which Playwright speaks with the Firefox of a distribution. */
export class Firefox implements Browser {
  readonly #browser: PlaywrightBrowser
  readonly #pid: number
  readonly #folder: string

  private constructor(browser: PlaywrightBrowser, pid: number, folder: string) {
    this.#browser = browser
    this.#pid = pid
    this.#folder = folder
  }

  static async launch(): Promise<Firefox> {
    const path = findFirefox()
    if (path === null) throw new Error('There is no Firefox: npm test installs it, or set FIREFOX_PATH.')
    const folder = await mkdtemp(join(tmpdir(), 'lockable-firefox-'))
    // Playwright does not tell which process it started; it leads a group of its own.
    const script = join(folder, 'firefox')
    const pidFile = join(folder, 'pid')
    await writeFile(script, `#!/bin/sh\necho $$ > '${pidFile}'\nexec '${path}' "$@"\n`)
    await chmod(script, 0o755)
    const browser = await firefox.launch({ channel: 'moz-firefox', executablePath: script })
    return new Firefox(browser, Number(await readFile(pidFile, 'utf8')), folder)
  }

  async newUser(): Promise<User> {
    const context = await this.#browser.newContext()
    return {
      async newPage(): Promise<Page> {
        const page = await context.newPage()
        return {
          goto: async (url) => void (await page.goto(url)),
          evaluate: (script) => page.evaluate(script),
          close: () => page.close({ runBeforeUnload: true }),
        }
      },
    }
  }

  stop(): void {
    signalGroup(this.#pid, 'SIGSTOP')
  }

  resume(): void {
    signalGroup(this.#pid, 'SIGCONT')
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
