import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { buildWithEsbuild, buildWithVite } from './bundlers.ts'
import { consumers } from './consumers.ts'
import { type RealServer, startServer } from './lock-server.ts'
import { type Course, expectBeatingWorker, expectHeldAndReleased, openPage, STRICT, type Visit } from './open-page.ts'
import { serveApp } from './web-app.ts'

const SCOPE = join(consumers.web, 'pages/scope')

let server: RealServer
let browser: Browser

beforeAll(async () => {
  server = await startServer()
  browser = await launchChromium()
})

afterAll(() => browser?.close())

/** Opens what was built in `folder`. */
async function open(folder: string, visit: Visit): Promise<Course> {
  const app = await serveApp(folder)
  try {
    return await openPage(browser, app, server.url, visit)
  } finally {
    await app.close()
  }
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
  beforeAll(() => build(SCOPE))

  it('has no syntax that is younger than ES2022', async () => {
    const scripts = (await readdir(join(SCOPE, 'dist'), { recursive: true })).filter((file) => file.endsWith('.js'))
    const code = await Promise.all(scripts.map((file) => readFile(join(SCOPE, 'dist', file), 'utf8')))
    expect(code.join('')).toMatch(/acquire/)
    expect(code.join('')).not.toMatch(/await using \w+ =/)
  })

  it.each([
    ['a browser', undefined],
    ['one that has no Symbol.asyncDispose', withoutAsyncDispose],
  ])('releases by leaving the scope in %s', async (_browser, prepare) => {
    const query = { busy: 'no' }
    expectHeldAndReleased(await open(SCOPE, prepare ? { query, prepare } : { query }))
  })
})

describe('a page that names the worker itself', () => {
  it('keeps its lock from that if Vite knows the address', async () => {
    const folder = join(consumers.web, 'pages/own-worker')
    await buildWithVite(folder)
    expectBeatingWorker(await open(folder, { policy: STRICT }), /^http:.*\/lockable-worker-[^/]+\.js$/)
  })

  it('keeps its lock from that if esbuild makes it an entry', async () => {
    const folder = join(consumers.web, 'pages/own-worker-esbuild')
    await buildWithEsbuild(folder, ['lockable-worker=lockable/worker'])
    expectBeatingWorker(await open(folder, { policy: STRICT }), /^http:.*\/lockable-worker\.js$/)
  })
})
