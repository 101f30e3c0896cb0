import { type Browser, chromium } from 'playwright-core'
import { findChromium } from '../../scripts/find-programs.mjs'

/** Runs also as root in a container, and asks nothing of the network by itself. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts the Chromium of this machine, without a window. Whoever calls it closes it. */
export function launchChromium(moreArgs: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error('There is no Chromium: npm test installs it, or set CHROMIUM_PATH.')
  return chromium.launch({ executablePath, args: [...ARGS, ...moreArgs] })
}
