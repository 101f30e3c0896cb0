import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCUMENT_LOCK = 'demo:document'

let demo: ChildProcess
let page: string
let api: string
let browser: Browser
let context: BrowserContext

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}

/** Resolves to what `pattern` finds in what the demo prints. */
function printed(pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    demo.stdout?.on('data', (chunk) => {
      // The addresses are printed in colours.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
      text += String(chunk).replace(/\u001b\[\d+m/g, '')
      const found = pattern.exec(text)?.[1]
      if (found) resolve(found)
    })
    demo.once('exit', (code) => reject(new Error(`The demo ended with code ${code}: ${text}`)))
  })
}

beforeAll(async () => {
  const port = await freePort()
  demo = spawn('npm', ['start', '--', '--port', String(await freePort())], {
    cwd: ROOT,
    env: { ...process.env, LOCKABLE_PORT: String(port), VITEST: '' },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  ;[page, api] = await Promise.all([
    printed(/Local:\s+(http:\/\/\S+?)\/?\s/),
    printed(/lockable listening on (http:\/\/127\.0\.0\.1:\d+)/),
  ])
  browser = await launchChromium()
  // The first visit lets Vite find and bundle what the page needs, and reload it.
  const warmUp = await browser.newPage()
  await warmUp.goto(page)
  await warmUp.getByRole('heading', { level: 1 }).waitFor()
  await warmUp.close()
}, 120_000)

afterAll(async () => {
  await browser?.close()
  if (demo?.pid && demo.exitCode === null) process.kill(-demo.pid, 'SIGTERM')
})

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 1400 } })
})

afterEach(() => context.close())

async function tab(name: string): Promise<Page> {
  const opened = await context.newPage()
  opened.on('pageerror', (error) => expect.soft(error, 'an error in the page').toBeNull())
  await opened.goto(`${page}/?as=${name}`)
  return opened
}

/** What one person sees of the document. */
function desk(in_: Page, name: string) {
  const article = in_.getByRole('article', { name })
  return {
    text: article.getByRole('textbox'),
    press: (button: string) => article.getByRole('button', { name: button, exact: true }).click(),
    says: (words: string | RegExp) => article.getByText(words).first().waitFor({ timeout: 25_000 }),
  }
}

/** What somebody asks with whom the page's backend has given a capability. */
async function authorization(): Promise<Record<string, string>> {
  return { Authorization: `Bearer ${await (await fetch(`${page}/capability?as=Test`)).text()}` }
}

async function status(name: string): Promise<{ state: string; holders: { info: unknown }[] }> {
  return (await fetch(`${api}/v1/status/${name}`, { headers: await authorization() })).json() as never
}

describe('the demo', { timeout: 90_000 }, () => {
  it('prints the addresses of the page and of the lock server', async () => {
    expect((await fetch(`${api}/v1`)).status).toBe(200)
    expect(await (await fetch(`${page}/v1`)).json()).toMatchObject({ service: 'lockable', v: 2 })
  })

  it('lets nobody lock without a capability, and gives one for its own locks only', async () => {
    const ask = async (name: string, headers: Record<string, string>) =>
      (await fetch(`${api}/v1/status/${name}`, { headers })).status
    expect(await ask(DOCUMENT_LOCK, {})).toBe(401)
    expect(await ask(DOCUMENT_LOCK, await authorization())).toBe(200)
    expect(await ask('other', await authorization())).toBe(403)
  })

  it('lets one of two people in one tab write, and the other one after', async () => {
    const one = await tab('Alice')
    await one.getByRole('button', { name: 'Seat Bob here' }).click()
    const alice = desk(one, 'Alice')
    const bob = desk(one, 'Bob')
    await alice.press('Edit')
    await alice.says(/editing/i)
    expect(await alice.text.isEditable()).toBe(true)
    expect(await bob.text.isEditable()).toBe(false)
    await bob.press('Wait in line')
    await bob.says(/Alice/)
    await alice.press('Done')
    await expect.poll(() => bob.text.isEditable(), { timeout: 20_000 }).toBe(true)
    expect(await alice.text.isEditable()).toBe(false)
  })

  it('hands the document over to another tab when the one that holds it is closed', async () => {
    const first = await tab('Alice')
    const second = await tab('Carol')
    await desk(first, 'Alice').press('Edit')
    await expect.poll(() => desk(first, 'Alice').text.isEditable()).toBe(true)
    await desk(second, 'Carol').press('Wait in line')
    await desk(second, 'Carol').says(/Alice/)
    expect(await desk(second, 'Carol').text.isEditable()).toBe(false)
    await first.close({ runBeforeUnload: true })
    await expect.poll(() => desk(second, 'Carol').text.isEditable(), { timeout: 8_000 }).toBe(true)
    const { holders } = await status(DOCUMENT_LOCK)
    expect(JSON.stringify(holders)).toContain('Carol')
  })

  it('shows who asks to take over, and lets the holder hand over at once', async () => {
    const first = await tab('Alice')
    const second = await tab('Carol')
    await desk(first, 'Alice').press('Edit')
    await expect.poll(() => desk(first, 'Alice').text.isEditable()).toBe(true)
    await desk(second, 'Carol').press('Ask to take over')
    await desk(first, 'Alice').says(/Carol asks to take over/)
    await desk(first, 'Alice').press('Hand over now')
    await expect.poll(() => desk(second, 'Carol').text.isEditable(), { timeout: 8_000 }).toBe(true)
  })

  it('shows the loss, and why, when the server says no', async () => {
    const one = await tab('Alice')
    await desk(one, 'Alice').press('Edit')
    await expect.poll(() => desk(one, 'Alice').text.isEditable()).toBe(true)
    const owner = 'somebody-else-altogether'
    const stolen = await fetch(`${api}/v1/acquire/${DOCUMENT_LOCK}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await authorization()) },
      body: JSON.stringify({ owner, steal: 'now' }),
    })
    expect(await stolen.json()).toMatchObject({ response: true })
    await desk(one, 'Alice').says(/took over/)
    expect(await desk(one, 'Alice').text.isEditable()).toBe(false)
    await one
      .getByRole('region', { name: 'Lock devtools' })
      .getByText(/took the lock over/)
      .first()
      .waitFor()
    await fetch(`${api}/v1/release/${DOCUMENT_LOCK}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(await authorization()) },
      body: JSON.stringify({ owner }),
    })
  })

  it('runs the sync in one tab only, and in the next one when that is closed', async () => {
    const first = await tab('Alice')
    await first.getByText('This tab runs it.').waitFor()
    const second = await tab('Carol')
    await second.getByText(/this tab stands by/).waitFor()
    await first.close({ runBeforeUnload: true })
    await second.getByText('This tab runs it.').waitFor({ timeout: 8_000 })
  })
})
