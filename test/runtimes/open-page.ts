import type { Browser } from 'playwright-core'
import { expect } from 'vitest'
import { askStatus, isFree } from './lock-server.ts'
import { type App, withHeaders } from './web-app.ts'

/** A Content Security Policy that allows no blob worker. Requests may go to the lock server, which is another origin. */
export const STRICT = "default-src 'self'; connect-src *"

/** What `pages/course.js` tells of itself while it holds. */
interface Told {
  readonly state: string
  readonly token: number | null
  readonly thread: string
  readonly caughtUpInTime: boolean
}

/** How a page fared that took a lock, kept it for a while and released it. */
export interface Course extends Told {
  readonly tokenOnServer: number | null
  readonly freeWhileHeld: boolean
  /** What the server answered to each release. */
  readonly releases: readonly boolean[]
  readonly freeAfterwards: boolean
  /** The addresses of the workers it started. */
  readonly workers: readonly string[]
}

export interface Visit {
  /** The Content Security Policy that is sent with the page. */
  readonly policy?: string
  readonly query?: Readonly<Record<string, string>>
  /** Runs in the page before all of its own scripts. */
  readonly prepare?: () => void
}

/** Opens the page of `app`. Rejects if it throws. */
export async function openPage(
  browser: Browser,
  app: App,
  serverUrl: string,
  { policy, query, prepare }: Visit = {},
): Promise<Course> {
  const front = policy === undefined ? undefined : await withHeaders(app, { 'content-security-policy': policy })
  const page = await browser.newPage()
  try {
    const name = crypto.randomUUID()
    const workers: string[] = []
    page.on('worker', (worker) => workers.push(worker.url()))
    if (prepare) await page.addInitScript(prepare)
    let whileHeld: Omit<Course, 'releases' | 'freeAfterwards' | 'workers'> | undefined
    await page.exposeFunction('whileHeld', async (told: Told) => {
      const { fencing_token: tokenOnServer } = await askStatus(serverUrl, name)
      whileHeld = { ...told, tokenOnServer, freeWhileHeld: await isFree(serverUrl, name) }
    })
    let report: (releases: readonly boolean[]) => void = () => {}
    const reported = new Promise<readonly boolean[]>((resolve, reject) => {
      report = resolve
      page.once('pageerror', reject)
    })
    // It is waited for below, but may reject before.
    reported.catch(() => {})
    await page.exposeFunction('report', (releases: readonly boolean[]) => report(releases))
    await page.goto(`${(front ?? app).url}?${new URLSearchParams({ url: serverUrl, name, ...query })}`)
    const releases = await reported
    if (!whileHeld) throw new Error('The page was done before it held the lock.')
    return { ...whileHeld, releases, freeAfterwards: await isFree(serverUrl, name), workers }
  } finally {
    await page.close()
    await front?.close()
  }
}

export function expectHeldAndReleased(course: Course): void {
  expect(course).toMatchObject({ state: 'held', freeWhileHeld: false, releases: [true], freeAfterwards: true })
  expect(course.token).toBe(course.tokenOnServer)
}

/** Besides, that a worker of this address, and no other, has sent heartbeats while the page was busy. */
export function expectBeatingWorker(course: Course, address: RegExp): void {
  expectHeldAndReleased(course)
  expect(course).toMatchObject({ thread: 'worker', caughtUpInTime: true })
  expect(course.workers).toEqual([expect.stringMatching(address)])
}
