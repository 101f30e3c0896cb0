import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { expect } from 'vitest'
import { SESSION_PATHS } from '../../../src/protocol/paths.ts'
import type { CommandsReply } from '../../../src/protocol/session.ts'
import { launchChromium } from '../../support/chromium.ts'
import { buildWithVite } from '../bundlers.ts'
import { Child, type Outcome } from '../child.ts'
import { consumers } from '../consumers.ts'
import { startServer } from '../lock-server.ts'
import { deno, node } from '../script-runtimes.ts'
import { serveApp } from '../web-app.ts'
import type { Example, ExampleKind } from './examples.ts'

/** What examples call the lock server, which is that of the test for them. */
const DOCUMENTED_URL = 'http://127.0.0.1:5625'

const REACT_PLUGIN = createRequire(import.meta.url).resolve('@vitejs/plugin-react')

const RUNNERS: Readonly<Record<ExampleKind, (code: string, url: string, name: string) => Promise<void>>> = {
  node: runNode,
  deno: runDeno,
  browser: runBrowser,
  react: runReact,
  bash: runBash,
  backend: runBackend,
}

/** Runs an example in a project of its user, against the server at `url`. Throws if it does not do what it should. */
export async function runExample({ kind, code, line }: Example, url: string): Promise<void> {
  await RUNNERS[kind](code.replaceAll(DOCUMENTED_URL, url), url, `${kind}-${line}`)
}

/** Must end by itself, without an error. */
async function runNode(code: string, url: string, name: string): Promise<void> {
  const file = await write(consumers.bare, `${name}.mjs`, code)
  const { code: exitCode, stderr } = await start(node.command, [...node.args, file], url)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
}

/** Must end by itself, without an error, and with no permission but for the network. */
async function runDeno(code: string, url: string, name: string): Promise<void> {
  const file = await write(consumers.bare, `${name}.ts`, code)
  const { code: exitCode, stderr } = await start(deno.command, ['run', '--no-lock', '--allow-net', file], url)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
}

/** Must come to its end in a page, without an error, and acquire a lock there. */
async function runBrowser(code: string, _url: string, name: string): Promise<void> {
  await runPage(name, { 'example.ts': code, 'main.ts': "import './example.ts'\ndocument.body.append('done')\n" })
}

/** Must export a component `App`, which acquires a lock when it is rendered and shows something. */
async function runReact(code: string, _url: string, name: string): Promise<void> {
  const main = `
    import { createElement, StrictMode } from 'react'
    import { createRoot } from 'react-dom/client'
    import { App } from './example.tsx'
    createRoot(document.body).render(createElement(StrictMode, null, createElement(App)))
  `
  const config = `
    import react from ${JSON.stringify(REACT_PLUGIN)}
    export default { plugins: [react()] }
  `
  await runPage(name, { 'example.tsx': code, 'main.ts': main, 'vite.config.js': config })
}

/** ms within which a page must have its lock. */
const PATIENCE_MS = 20_000

async function runPage(name: string, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(consumers.web, 'examples', name)
  const html = '<!doctype html><title>An example</title><body></body><script type="module" src="./main.ts"></script>'
  for (const [file, text] of Object.entries({ 'index.html': html, ...files })) await write(folder, file, text)
  await buildWithVite(folder)
  const app = await serveApp(folder)
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    const errors: string[] = []
    const broken = new Promise<never>((_, reject) => page.once('pageerror', reject))
    broken.catch(() => {})
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    const granted = new Promise<void>((resolve) => {
      // On its way: what a page reads as a stream, the browser does not always keep for those who look on.
      void page.route(`**${SESSION_PATHS.commands}`, async (route) => {
        const response = await route.fetch()
        const body = await response.text()
        await route.fulfill({ response, body })
        if (grants(JSON.parse(body) as CommandsReply)) resolve()
      })
    })
    const noLock = new Promise<never>((_, reject) => {
      setTimeout(async () => {
        reject(new Error(`The page acquires no lock. It shows: ${await page.innerText('body').catch(String)}`))
      }, PATIENCE_MS).unref()
    })
    noLock.catch(() => {})
    await page.goto(app.url)
    await Promise.race([granted, broken, noLock])
    await Promise.race([page.waitForSelector('body:not(:empty)'), broken])
    expect(errors).toEqual([])
  } finally {
    await browser.close()
    await app.close()
  }
}

function grants({ results }: CommandsReply): boolean {
  return results.some((result) => 'fencing_token' in result)
}

/**
 * All commands must succeed, and write what the comments behind them that begin with JSON say: `# {"response":true}`.
 * `LOCKABLE_URL` is in the environment, `lockable` on the path.
 */
async function runBash(code: string, url: string, name: string): Promise<void> {
  const file = await write(consumers.bare, `${name}.sh`, code)
  const { code: exitCode, stdout, stderr } = await start('bash', ['-euo', 'pipefail', file], url)
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  const promised = [...code.matchAll(/# (\{.*?\})/g)].map(([, json]) => json)
  if (promised.length > 0) expect(stdout.replace(/\s/g, '')).toBe(promised.join('').replace(/\s/g, ''))
}

/**
 * A user that the backend's `app`, which is one of Hono, knows must get a capability from it at `/capability`, by which a
 * real server lets it lock its own documents, and no others.
 */
async function runBackend(code: string, _url: string, name: string): Promise<void> {
  const folder = join(consumers.bare, name)
  const before = `
    import { Hono } from 'hono'
    import { Lockable } from 'lockable'
    const app = new Hono()
    app.use(async (c, next) => {
      c.set('user', { id: 'alice', documents: [42] })
      await next()
    })
  `
  const after = `
    const lockable = new Lockable({ authToken: async () => (await app.request('/capability')).text() })
    const lease = await lockable.acquire('document-42', { blocking: false })
    const refusal = await lockable.acquire('document-43', { blocking: false }).catch(({ code }) => code)
    console.log(lease.state, refusal)
    await lockable.close()
  `
  const file = await write(folder, `${name}.mjs`, `${before}\n${code}\n${after}`)
  const key = join(folder, 'capability-key.json')
  expect(await start('lockable', ['token', 'key', '--file', key], '')).toMatchObject({ code: 0, stderr: '' })
  const server = await startServer({ capabilityKey: key })
  try {
    const outcome = await start(node.command, [...node.args, file], server.url, folder)
    expect(outcome).toEqual({ code: 0, stdout: 'held authentication\n', stderr: '' })
  } finally {
    await server.process.kill()
  }
}

function start(command: string, args: readonly string[], url: string, cwd: string = consumers.bare): Promise<Outcome> {
  const path = [join(consumers.bare, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  return new Child(command, args, { cwd, env: { PATH: path, LOCKABLE_URL: url } }).ended
}

async function write(folder: string, file: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, file), text)
  return join(folder, file)
}
