import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { consumers } from './consumers.ts'
import { type RealServer, startServer } from './lock-server.ts'
import { type Course, openPage } from './open-page.ts'
import { buildWithEsbuild, buildWithVite } from './web-app.ts'

const PLAIN = join(consumers.web, 'pages/plain')
const STRICT = join(consumers.web, 'pages/strict')
/** No blob worker. Requests may go to the lock server, which is another origin. */
const STRICT_POLICY = { 'content-security-policy': "default-src 'self'; connect-src *" }

let server: RealServer
let browser: Browser

beforeAll(async () => {
  server = await startServer()
  browser = await launchChromium()
})

afterAll(() => browser?.close())

function expectHeldAndReleased(course: Course): void {
  expect(course).toMatchObject({ state: 'held', freeWhileHeld: false, releases: [true], freeAfterwards: true })
  expect(course.token).toBe(course.tokenOnServer)
}

/** Runs in the page: replaces the global `Symbol` by one that is as old as ES2022. */
function withoutAsyncDispose(): void {
  const { Symbol: Original } = globalThis
  const { asyncDispose: _, dispose: __, ...descriptors } = Object.getOwnPropertyDescriptors(Original)
  const older = (description?: string) => Original(description)
  globalThis.Symbol = Object.defineProperties(older, descriptors) as typeof Symbol
}

describe.each([
  ['Vite', buildWithVite],
  ['esbuild', buildWithEsbuild],
])('a page bundled by %s', (_, build) => {
  beforeAll(() => build(PLAIN))

  it('has no syntax that is younger than ES2022', async () => {
    const scripts = (await readdir(join(PLAIN, 'dist'), { recursive: true })).filter((file) => file.endsWith('.js'))
    const code = await Promise.all(scripts.map((file) => readFile(join(PLAIN, 'dist', file), 'utf8')))
    expect(code.join('')).toMatch(/acquire/)
    expect(code.join('')).not.toMatch(/await using \w+ =/)
  })

  it('takes a lock, keeps it from a blob worker while the page is busy, and releases it', async () => {
    const course = await openPage(browser, PLAIN, server.url)
    expectHeldAndReleased(course)
    expect(course).toMatchObject({ thread: 'worker', caughtUpInTime: true })
    expect(course.workers).toEqual([expect.stringMatching(/^blob:/)])
  })

  it('releases by leaving the scope also in a browser that has no Symbol.asyncDispose', async () => {
    const course = await openPage(browser, PLAIN, server.url, { prepare: withoutAsyncDispose })
    expectHeldAndReleased(course)
  })
})

describe('a page whose Content Security Policy forbids blob workers', () => {
  beforeAll(() => buildWithVite(STRICT))

  it('keeps its lock from the page', async () => {
    const query = { block: '100' }
    const course = await openPage(browser, STRICT, server.url, { headers: STRICT_POLICY, query })
    expectHeldAndReleased(course)
    expect(course.thread).toBe('page')
  })

  it('keeps its lock from a worker if it brings that as a file', async () => {
    const course = await openPage(browser, STRICT, server.url, { headers: STRICT_POLICY, query: { worker: 'file' } })
    expectHeldAndReleased(course)
    expect(course).toMatchObject({ thread: 'worker', caughtUpInTime: true })
    expect(course.workers).toEqual([expect.stringMatching(/^http:.*\.js$/)])
  })
})
