import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { consumers } from './consumers.ts'
import { askStatus, isFree, type RealServer, startServer } from './lock-server.ts'
import { type App, serveApp } from './vite-app.ts'

let server: RealServer
let app: App
let browser: Browser
let page: Page

beforeAll(async () => {
  server = await startServer()
  app = await serveApp(join(consumers.bare, 'pages/hold'))
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  await app?.close()
})

beforeEach(async () => {
  page = await browser.newPage()
})

afterEach(() => page.close())

it('takes a lock, keeps it from a blob worker while the page is busy, and releases it', async () => {
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  const workerStarted = page.waitForEvent('worker')
  let freeWhileHeld: boolean | undefined
  let token: number | null | undefined
  await page.exposeFunction('isHeld', async () => {
    token = (await askStatus(server.url, 'page')).fencing_token
    freeWhileHeld = await isFree(server.url, 'page')
  })

  await page.goto(app.url)
  const held = await page.evaluate(`hold(${JSON.stringify(server.url)}, 'page')`)
  expect(held).toEqual({
    state: 'held',
    thread: 'worker',
    reason: null,
    caughtUpInTime: true,
    token,
    released: [true],
  })
  expect((await workerStarted).url()).toMatch(/^blob:/)
  expect(freeWhileHeld).toBe(false)
  expect(await isFree(server.url, 'page')).toBe(true)
  expect(errors).toEqual([])
})
