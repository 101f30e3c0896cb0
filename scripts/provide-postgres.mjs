import { readFile, writeFile } from 'node:fs/promises'
import { aptInstall, canUseApt } from './apt.mjs'
import { findPostgres } from './find-programs.mjs'
import { say } from './say.mjs'
import { doWithout } from './without.mjs'

/** What the package `postgresql` reads to know whether it is to make a cluster of its own and to start it. */
const CLUSTER_SETTINGS = '/etc/postgresql-common/createcluster.conf'

/**
 * Sees to it that there is PostgreSQL, installed from the distribution if there is none and that is possible. No cluster
 * is made or started by that. Without it, its tests are skipped; in CI this rejects then.
 *
 * @returns {Promise<string | null>} the folder of its programs.
 */
export async function providePostgres() {
  const found = findPostgres()
  if (found) return found
  if (canUseApt()) {
    say('PostgreSQL is missing: installing it with apt-get.')
    await install().catch(() => {})
  }
  const installed = findPostgres()
  if (installed) return installed
  doWithout(
    'PostgreSQL',
    'Install it (Debian: apt-get install postgresql) or set PG_BIN to the folder of its programs.',
  )
  return null
}

async function install() {
  await aptInstall('postgresql-common')
  const settings = await readFile(CLUSTER_SETTINGS, 'utf8')
  await writeFile(CLUSTER_SETTINGS, `${settings}\ncreate_main_cluster = false\n`)
  try {
    await aptInstall('postgresql')
  } finally {
    await writeFile(CLUSTER_SETTINGS, settings)
  }
}
