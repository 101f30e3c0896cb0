import type { Holder } from './holder.ts'
import type { Lock } from './lock.ts'
import type { Session } from './session.ts'

/**
 * Told, within the very step, of all that a store must remember to come back from a restart. Nothing may be said of a
 * step before what it told has been written down.
 */
export interface Ledger {
  /** `holder` was granted the lock, which nobody has any more that it excludes. */
  granted(lock: Lock, holder: Holder): void
  /** The lease of `holder` was renewed, perhaps to another length than it had. */
  extended(lock: Lock, holder: Holder): void
  /** `holder` holds no longer. */
  ended(lock: Lock, holder: Holder): void
  /** Commands of a session were let in: it may have been opened by them, and `seq` is its highest attempt. */
  attempted(session: Session): void
  /** A session is over; that of its holders is told as well. */
  buried(session: Session): void
}

/** Of a store that forgets. */
export const NO_LEDGER: Ledger = {
  granted: () => undefined,
  extended: () => undefined,
  ended: () => undefined,
  attempted: () => undefined,
  buried: () => undefined,
}
