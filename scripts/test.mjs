import { fileURLToPath } from 'node:url'
import { provideChromium } from './provide-chromium.mjs'
import { provideCurl } from './provide-curl.mjs'
import { provideEtcd } from './provide-etcd.mjs'
import { provideFirefox } from './provide-firefox.mjs'
import { providePostgres } from './provide-postgres.mjs'
import { provideBun, provideDeno } from './provide-runtimes.mjs'
import { provideWebKit } from './provide-webkit.mjs'
import { mustRun, runCommand } from './run-command.mjs'
import { say } from './say.mjs'

/** @typedef {import('./count-reporter.ts').Counts} Counts */

/** What `npm test` runs: brings the browser and the runtimes, builds the package, and runs all tests. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const REPORTERS = ['--reporter=default', '--reporter=./scripts/count-reporter.ts']

/**
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
async function test(args) {
  await provideCurl()
  await provideWebKit()
  await providePostgres()
  await provideEtcd()
  const firefox = await provideFirefox()
  const env = {
    CHROMIUM_PATH: await provideChromium(),
    DENO_PATH: await provideDeno(),
    BUN_PATH: await provideBun(),
    ...(firefox === null ? {} : { FIREFOX_PATH: firefox }),
  }
  await mustRun('npm', ['run', 'build'], { cwd: ROOT })
  return runVitest(args, env)
}

/**
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<Counts>}
 */
async function runVitest(args, env) {
  /** @type {Counts | undefined} */
  let counts
  const code = await runCommand(process.execPath, [VITEST, 'run', ...REPORTERS, ...args], {
    cwd: ROOT,
    env,
    message: (message) => {
      counts = /** @type {Counts} */ (message)
    },
  })
  if (counts === undefined) throw new Error(`vitest ended with code ${code} before it had a result.`)
  // Such as a coverage threshold: a failure that no test has.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

// Ctrl-C reaches the program that runs right now too; it ends, and the last line still follows.
process.on('SIGINT', () => {})

/** @type {Counts} */
let counts = { passed: 0, failed: 1, skipped: 0 }
try {
  counts = await test(process.argv.slice(2))
} catch (error) {
  say(`\n${error instanceof Error ? error.message : String(error)}`)
}
const { passed, failed, skipped } = counts
process.exitCode = failed > 0 ? 1 : 0
say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
