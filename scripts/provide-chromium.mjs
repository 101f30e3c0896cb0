import { readFileSync } from 'node:fs'
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
  for (const install of isDebianRoot() ? [installFromDebian, installByPlaywright] : [installByPlaywright]) {
    try {
      await install()
      const installed = findChromium()
      if (installed) return installed
      failures.push(`${install.name} has not brought a Chromium that runs.`)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(
    `The tests need Chromium or Chrome, and it could not be installed. ${failures.join(' ')} Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH to its program.`,
  )
}

async function installFromDebian() {
  say('Chromium is missing: installing it with apt-get.')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  await mustRun('apt-get', [...wait, 'update', '-qq'], { env })
  await mustRun('apt-get', [...wait, 'install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env })
}

async function installByPlaywright() {
  say('Chromium is missing: installing it with Playwright.')
  await mustRun('npx', ['--no-install', 'playwright', 'install', 'chromium'])
}

/** Ubuntu is left out: its package of that name is a stub that wants snap. */
function isDebianRoot() {
  if (process.getuid?.() !== 0) return false
  try {
    return /^ID=["']?debian["']?$/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}
