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
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, quiet: true }
  const patiently = ['-qq', '-o', 'DPkg::Lock::Timeout=300']
  await mustRun('apt-get', [...patiently, 'update'], options)
  await mustRun('apt-get', [...patiently, 'install', '-y', '--no-install-recommends', name], options)
}
