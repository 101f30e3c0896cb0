// Takes the picture of the demo that the README shows: `npm run picture`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { CHROMIUM_ARGS, findChromium } from './find-programs.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PICTURE = fileURLToPath(new URL('../docs/demo.png', import.meta.url))
/** ms of heartbeats that the timeline shows. */
const LIVE_MS = 20_000

const demo = spawn('npx', ['--no-install', 'vite', '--mode', 'demo', '--logLevel', 'info'], {
  cwd: ROOT,
  detached: true,
})
try {
  const address = await printedAddress()
  const executablePath = findChromium()
  const browser = await chromium.launch({ args: CHROMIUM_ARGS, ...(executablePath && { executablePath }) })
  const page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    deviceScaleFactor: 1.5,
    colorScheme: 'light',
  })
  await page.goto(address)
  const edit = (name) => page.getByRole('article', { name }).getByRole('button').first()
  await edit('Alice').click()
  await page.waitForTimeout(LIVE_MS / 4)
  await edit('Bob').click()
  await page.getByRole('region', { name: 'Lock devtools' }).getByText('demo:document').first().click()
  await page.waitForTimeout(LIVE_MS)
  await page.screenshot({ path: PICTURE })
  await browser.close()
} finally {
  process.kill(-demo.pid, 'SIGTERM')
}

/** The address of the page, from what Vite prints. */
async function printedAddress() {
  let text = ''
  for await (const [chunk] of on(demo.stdout)) {
    text += String(chunk)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the address is printed in colours.
    const found = /Local:\s+(http:\/\/\S+)/.exec(text.replace(/\u001b\[\d+m/g, ''))
    if (found) return found[1]
  }
  throw new Error('The demo did not start.')
}

async function* on(stream) {
  while (!stream.readableEnded) yield once(stream, 'data')
}
