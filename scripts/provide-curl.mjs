import { aptInstall, canUseApt } from './apt.mjs'
import { findCurl } from './find-programs.mjs'
import { say } from './say.mjs'

/** Sees to it that there is curl, with which the README shows the protocol. */
export async function provideCurl() {
  if (findCurl()) return
  if (canUseApt()) {
    say('curl is missing: installing it with apt-get.')
    await aptInstall('curl')
  }
  if (!findCurl()) throw new Error('The tests need curl, with which the README shows the protocol. Install it.')
}
