import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { aptDownload, canUseApt } from './apt.mjs'
import { ETCD_FOLDER, findEtcd, RUNTIMES_FOLDER } from './find-programs.mjs'
import { mustRun } from './run-command.mjs'
import { say } from './say.mjs'
import { doWithout } from './without.mjs'

/**
 * Sees to it that there is etcd. The distribution's package is unpacked here and not installed, since installing it
 * starts a server. Without it, its tests are skipped; in CI this rejects then.
 *
 * @returns {Promise<string | null>} the path of its program.
 */
export async function provideEtcd() {
  const found = findEtcd()
  if (found) return found
  if (canUseApt()) {
    say('etcd is missing: unpacking the package of the distribution.')
    await unpack().catch(() => {})
  }
  const unpacked = findEtcd()
  if (unpacked) return unpacked
  doWithout('etcd', 'Install it (Debian: apt-get install etcd-server) or set ETCD_PATH to its program.')
  return null
}

async function unpack() {
  await mkdir(RUNTIMES_FOLDER, { recursive: true })
  const folder = await mkdtemp(join(RUNTIMES_FOLDER, 'etcd-download-'))
  try {
    await aptDownload('etcd-server', folder)
    const [archive = ''] = (await readdir(folder)).filter((name) => name.endsWith('.deb'))
    await mustRun('dpkg-deb', ['-x', join(folder, archive), join(folder, 'etcd')])
    await rm(ETCD_FOLDER, { recursive: true, force: true })
    await rename(join(folder, 'etcd'), ETCD_FOLDER)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
