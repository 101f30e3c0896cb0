import type { Acquisition, Grant } from '../acquisition.ts'
import { abandonable, pause } from '../async.ts'
import { FRUITLESS, noGrantComes } from '../patience.ts'

/** ms after which a page that has left, and runs on all the same, wants its locks again. */
const AFTER_LEAVING_MS = 1_000

/** Acquires through a session: takes a place in it, and waits until that is granted. */
export async function acquireInSession(acquisition: Acquisition): Promise<Grant> {
  const { runtime, sessions, givenUp, name } = acquisition
  for (let fruitless = 0; fruitless < FRUITLESS.limit; ) {
    const place = sessions.enter(acquisition)
    try {
      const grant = await abandonable(place.granted, givenUp)
      if (grant !== null) return grant
    } catch (error) {
      place.giveUp()
      throw error
    }
    // Who waited and lost its place queues anew at once, and so does whose session was over; but two do not spin.
    fruitless = place.waited ? 0 : fruitless + 1
    // Nothing of a page that has gone runs after this, unless it comes back.
    if (place.hasLeft) await pause(runtime, AFTER_LEAVING_MS, givenUp)
    else if (fruitless > 1) await pause(runtime, FRUITLESS.delayMs * 2 ** fruitless, givenUp)
  }
  throw noGrantComes(name)
}
