import { type Browser, chromium } from 'playwright-core'
import { CHROMIUM_ARGS, findChromium } from '../../scripts/find-programs.mjs'

/** Starts the Chromium of this machine, without a window. Whoever calls it closes it. */
export function launchChromium(moreArgs: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error('There is no Chromium: npm test installs it, or set CHROMIUM_PATH.')
  return chromium.launch({ executablePath, args: [...CHROMIUM_ARGS, ...moreArgs] })
}
