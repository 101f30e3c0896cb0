import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { startNext, startViteDev } from './app-servers.ts'
import { buildWithEsbuild, buildWithEsbuildAsClassic, buildWithVite, buildWithWebpack } from './bundlers.ts'
import { consumers } from './consumers.ts'
import { type RealServer, startServer } from './lock-server.ts'
import { expectBeatingWorker, expectHeldAndReleased, openPage, STRICT } from './open-page.ts'
import { type App, serveApp } from './web-app.ts'

const PLAIN = join(consumers.web, 'pages/plain')
const CLASSIC = join(consumers.web, 'pages/classic')
const NEXT = join(consumers.next, 'pages/next')

/** As strict with workers; Next.js needs inline scripts. */
const STRICT_FOR_NEXT = `${STRICT}; script-src 'self' 'unsafe-inline'`

let server: RealServer
let browser: Browser

beforeAll(async () => {
  server = await startServer()
  browser = await launchChromium()
})

afterAll(() => browser?.close())

async function built(folder: string, build: (folder: string) => Promise<void>): Promise<App> {
  await build(folder)
  return serveApp(folder)
}

function startOnce(start: () => Promise<App>): () => App {
  let app: App | undefined
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app?.close())
  return () => {
    if (!app) throw new Error('The application did not start.')
    return app
  }
}

function itKeepsItsLock(app: () => App, policy: string): void {
  it('keeps its lock from a blob worker while it is busy', async () => {
    expectBeatingWorker(await openPage(browser, app(), server.url), /^blob:/)
  })

  it('keeps it from the worker file, without being told of it, where its policy forbids blobs', async () => {
    expectBeatingWorker(await openPage(browser, app(), server.url, { policy }), /^http:.*\.js/)
  })
}

describe.each([
  ['built by Vite', () => built(PLAIN, buildWithVite)],
  ['from the dev server of Vite', () => startViteDev(PLAIN)],
  ['built by webpack', () => built(CLASSIC, buildWithWebpack)],
])('a page %s', (_, start) => {
  itKeepsItsLock(startOnce(start), STRICT)
})

describe.each(['turbopack', 'webpack'] as const)('a page of Next.js, built by %s', (bundler) => {
  const app = startOnce(() => startNext(NEXT, bundler))

  it('is rendered on the server too', async () => {
    const response = await fetch(app().url)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('<h1>The lock is idle.</h1>')
  })

  itKeepsItsLock(app, STRICT_FOR_NEXT)
})

describe.each([
  ['a module', () => built(PLAIN, buildWithEsbuild)],
  ['a classic script', () => built(CLASSIC, buildWithEsbuildAsClassic)],
])('a page built by esbuild as %s', (_, start) => {
  const app = startOnce(start)

  it('keeps its lock from a blob worker while it is busy', async () => {
    expectBeatingWorker(await openPage(browser, app(), server.url), /^blob:/)
  })

  it('keeps it itself where its policy forbids blobs, since there is no file', async () => {
    const course = await openPage(browser, app(), server.url, { policy: STRICT, query: { busy: 'no' } })
    expectHeldAndReleased(course)
    expect(course.thread).toBe('page')
  })
})

describe('a page whose policy asks for Trusted Types', () => {
  const app = startOnce(() => built(PLAIN, buildWithVite))

  it('keeps its lock itself', async () => {
    const policy = "require-trusted-types-for 'script'"
    const course = await openPage(browser, app(), server.url, { policy, query: { busy: 'no' } })
    expectHeldAndReleased(course)
    expect(course).toMatchObject({ thread: 'page', workers: [] })
  })
})
