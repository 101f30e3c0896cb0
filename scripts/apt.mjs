import { readFileSync } from 'node:fs'
import { mustRun } from './run-command.mjs'

/**
 * Whether this is Debian and we may install. Ubuntu is left out: its Chromium is a stub that wants snap.
 *
 * @returns {boolean}
 */
export function canUseApt() {
  if (process.getuid?.() !== 0) return false
  try {
    return /^ID=["']?debian["']?$/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

/**
 * Installs a package of the distribution.
 *
 * @param {string} name
 */
export async function aptInstall(name) {
  const patiently = ['-qq', '-o', 'DPkg::Lock::Timeout=300']
  await aptGet([...patiently, 'update'])
  await aptGet([...patiently, 'install', '-y', '--no-install-recommends', name])
}

/**
 * Downloads the archive of a package into a folder, and installs nothing.
 *
 * @param {string} name
 * @param {string} folder
 */
export async function aptDownload(name, folder) {
  // As ourselves: its own user may not write into that folder.
  const quietly = ['-qq', '-o', 'APT::Sandbox::User=root']
  await aptGet([...quietly, 'update'])
  await aptGet([...quietly, 'download', name], folder)
}

/**
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function aptGet(args, cwd = '/') {
  return mustRun('apt-get', args, { cwd, env: { DEBIAN_FRONTEND: 'noninteractive' }, quiet: true })
}
