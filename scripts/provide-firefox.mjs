import { aptInstall, canUseApt } from './apt.mjs'
import { findFirefox } from './find-programs.mjs'
import { say } from './say.mjs'

/**
 * Firefox, installed from the distribution if there is none and that is possible. Without it, its tests are skipped.
 *
 * @returns {Promise<string | null>} the path of its program.
 */
export async function provideFirefox() {
  const found = findFirefox()
  if (found) return found
  if (canUseApt()) {
    say('Firefox is missing: installing it with apt-get.')
    await aptInstall('firefox-esr').catch(() => {})
  }
  const installed = findFirefox()
  if (installed) return installed
  say(
    'There is no Firefox, so its tests are skipped. Install it (Debian: apt-get install firefox-esr) or set FIREFOX_PATH to its program.',
  )
  return null
}
