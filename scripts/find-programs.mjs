import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

/** Where this repository keeps the runtimes that are not on the PATH. */
export const RUNTIMES_FOLDER = fileURLToPath(new URL('../.runtimes/', import.meta.url))

/** Where the package of etcd is unpacked, if it is not on the PATH. */
export const ETCD_FOLDER = join(RUNTIMES_FOLDER, 'etcd')

/** With these it runs as root in a container too, and asks nothing of the network by itself. */
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const CHROMIUM_PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const FIREFOX_NAMES = ['firefox-esr', 'firefox']
const FIREFOX_PATHS = ['/Applications/Firefox.app/Contents/MacOS/firefox']

/**
 * The program of Chromium or Chrome, or `null`.
 *
 * `CHROMIUM_PATH` goes before everything else and is not questioned: whoever sets it wants that browser or an error.
 *
 * @returns {string | null}
 */
export function findChromium() {
  const given = process.env.CHROMIUM_PATH
  if (given) return given
  const candidates = [...onPath(CHROMIUM_NAMES), ...CHROMIUM_PATHS, chromium.executablePath()]
  // Some distributions have a stub of that name, which only says how to install the real one.
  return candidates.find((path) => isExecutable(path) && versionOf(path) !== null) ?? null
}

/**
 * The program of Firefox that Playwright can drive by WebDriver BiDi, or `null`. `FIREFOX_PATH` goes before everything
 * else.
 *
 * @returns {string | null}
 */
export function findFirefox() {
  const given = process.env.FIREFOX_PATH
  if (given) return given
  const candidates = [...onPath(FIREFOX_NAMES), ...FIREFOX_PATHS]
  return candidates.find((path) => isExecutable(path) && versionOf(path) !== null) ?? null
}

/**
 * The programs that it takes to drive WebKitGTK where nobody sees it, or `null` if one of them is missing.
 *
 * @returns {{ driver: string, browser: string, screen: string } | null}
 */
export function findWebKit() {
  const [driver] = onPath(['WebKitWebDriver']).filter(isExecutable)
  const [screen] = onPath(['Xvfb']).filter(isExecutable)
  const browser = miniBrowsers().find(isExecutable)
  return driver && browser && screen ? { driver, browser, screen } : null
}

/** @returns {string[]} */
function miniBrowsers() {
  const libraries = ['/usr/lib', '/usr/libexec', ...['x86_64', 'aarch64'].map((each) => `/usr/lib/${each}-linux-gnu`)]
  return libraries.map((folder) => join(folder, 'webkit2gtk-4.1', 'MiniBrowser'))
}

/**
 * The program of Deno, from 2.5 up (which logs the permissions that are asked for), or `null`. `DENO_PATH` goes before
 * everything else.
 *
 * @returns {string | null}
 */
export function findDeno() {
  return process.env.DENO_PATH || findRuntime('deno', ([major = 0, minor = 0]) => major === 2 && minor >= 5)
}

/**
 * The program of Bun 1.4 or newer, or `null`. `BUN_PATH` goes before everything else.
 *
 * @returns {string | null}
 */
export function findBun() {
  return process.env.BUN_PATH || findRuntime('bun', ([major = 0, minor = 0]) => major > 1 || minor >= 4)
}

/**
 * The program of curl, or `null`.
 *
 * @returns {string | null}
 */
export function findCurl() {
  return onPath(['curl']).find(isExecutable) ?? null
}

/** What it takes to make a cluster, run it, and have a standby of it. */
const POSTGRES_NAMES = ['initdb', 'pg_basebackup', 'pg_ctl', 'postgres']
/** Debian keeps each version in a folder of its own, and not on the PATH. */
const POSTGRES_VERSIONS = '/usr/lib/postgresql'

/**
 * The folder of PostgreSQL's programs, of the newest version that is there, or `null`. `PG_BIN` goes before everything
 * else.
 *
 * @returns {string | null}
 */
export function findPostgres() {
  const given = process.env.PG_BIN
  if (given) return given
  const versions = foldersIn(POSTGRES_VERSIONS).sort((one, other) => Number(other) - Number(one))
  const candidates = [...versions.map((version) => join(POSTGRES_VERSIONS, version, 'bin')), ...onPath(['.'])]
  return candidates.find((folder) => POSTGRES_NAMES.every((name) => isExecutable(join(folder, name)))) ?? null
}

/**
 * The program of etcd, or `null`. `ETCD_PATH` goes before everything else.
 *
 * @returns {string | null}
 */
export function findEtcd() {
  const given = process.env.ETCD_PATH
  if (given) return given
  return [...onPath(['etcd']), join(ETCD_FOLDER, 'usr', 'bin', 'etcd')].find(isExecutable) ?? null
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function foldersIn(path) {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/**
 * @param {'deno' | 'bun'} name
 * @param {(version: number[]) => boolean} suits
 * @returns {string | null}
 */
function findRuntime(name, suits) {
  const candidates = [...onPath([name]), join(RUNTIMES_FOLDER, name, 'node_modules', '.bin', name)]
  const suiting = candidates.find((path) => {
    const version = isExecutable(path) ? versionOf(path) : null
    return version !== null && suits(version)
  })
  return suiting ?? null
}

/**
 * @param {string[]} names
 * @returns {string[]}
 */
function onPath(names) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return names.flatMap((name) => folders.map((folder) => join(folder, name)))
}

/**
 * @param {string} path
 * @returns {boolean}
 */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * What the program says its version is, or `null` if it does not run.
 *
 * @param {string} path
 * @returns {number[] | null}
 */
function versionOf(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const version = status === 0 ? /\d+(\.\d+)+/.exec(stdout) : null
  return version === null ? null : version[0].split('.').map(Number)
}
