import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findBun, findDeno, RUNTIMES_FOLDER } from './find-programs.mjs'
import { mustRun } from './run-command.mjs'
import { say } from './say.mjs'

const DENO = { name: 'deno', version: '2.9.6', wanted: 'Deno from 2.5 up', find: findDeno }
const BUN = { name: 'bun', version: '1.4.5', wanted: 'Bun from 1.4 up', find: findBun }

/**
 * The path of Deno, installed if there is none.
 *
 * @returns {Promise<string>}
 */
export function provideDeno() {
  return provide(DENO)
}

/**
 * The path of Bun, installed if there is none.
 *
 * @returns {Promise<string>}
 */
export function provideBun() {
  return provide(BUN)
}

/**
 * @param {typeof DENO} runtime
 * @returns {Promise<string>}
 */
async function provide({ name, version, wanted, find }) {
  const found = find()
  if (found) return found
  say(`${wanted} is missing: installing ${name}@${version} from npm into .runtimes/.`)
  try {
    await install(name, `${name}@${version}`)
  } catch (error) {
    throw new Error(`${unavailable(name, wanted)} (${error instanceof Error ? error.message : String(error)})`)
  }
  const installed = find()
  if (!installed) throw new Error(unavailable(name, wanted))
  return installed
}

/**
 * Not as a devDependency: some registries lack packages for other platforms, npm then leaves them out of the lock file
 * without a word, and the next `npm ci` fails.
 *
 * @param {string} name
 * @param {string} spec
 */
async function install(name, spec) {
  // A folder for each, since npm removes from a folder what it was not asked for this time.
  const prefix = join(RUNTIMES_FOLDER, name)
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  await mustRun('npm', [
    ...['install', '--prefix', prefix, '--no-save', '--no-package-lock', '--ignore-scripts', ...quiet],
    spec,
  ])
  // The step that puts the program in place, run by hand: npm may be set up not to run such steps.
  const folder = join(prefix, 'node_modules', name)
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (scripts?.postinstall) await mustRun('npm', ['run', '--silent', 'postinstall'], { cwd: folder })
}

/**
 * @param {string} name
 * @param {string} wanted
 */
function unavailable(name, wanted) {
  return `The tests need ${wanted}, and it could not be installed from npm. Install it, or set ${name.toUpperCase()}_PATH to its program.`
}
