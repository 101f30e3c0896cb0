import { aptInstall, canUseApt } from './apt.mjs'
import { findChromium } from './find-programs.mjs'
import { mustRun } from './run-command.mjs'
import { say } from './say.mjs'

/**
 * Chromium, installed if there is none: from the distribution where that is possible, else by Playwright.
 *
 * @returns {Promise<string>} the path of its program.
 */
export async function provideChromium() {
  const found = findChromium()
  if (found) return found
  const failures = []
  for (const install of canUseApt() ? [fromDistribution, byPlaywright] : [byPlaywright]) {
    try {
      await install()
      const installed = findChromium()
      if (installed) return installed
      failures.push('What was installed does not run.')
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(
    `The tests need Chromium or Chrome, and it could not be installed. ${failures.join(' ')} Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH to its program.`,
  )
}

async function fromDistribution() {
  say('Chromium is missing: installing it with apt-get.')
  await aptInstall('chromium')
}

async function byPlaywright() {
  say('Chromium is missing: installing it with Playwright.')
  await mustRun('npx', ['--no-install', 'playwright', 'install', 'chromium'])
}
