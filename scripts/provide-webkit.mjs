import { aptInstall, canUseApt } from './apt.mjs'
import { findWebKit } from './find-programs.mjs'
import { say } from './say.mjs'

/** Its driver, which brings the browser along, and a screen that nobody sees. */
const PACKAGES = ['webkit2gtk-driver', 'xvfb']

/** Sees to it that there is WebKitGTK, if it can be installed from the distribution. Without it, its tests are skipped. */
export async function provideWebKit() {
  if (findWebKit()) return
  if (canUseApt()) {
    say('WebKitGTK is missing: installing it with apt-get.')
    for (const name of PACKAGES) await aptInstall(name).catch(() => {})
  }
  if (findWebKit()) return
  say(
    'There is no WebKitGTK, so its tests are skipped. It needs Linux (Debian: apt-get install webkit2gtk-driver xvfb).',
  )
}
