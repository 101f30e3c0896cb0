import type { Json, LockMode, Steal } from '../protocol/wire.ts'
import { acquireClassic } from './classic-acquisition.ts'
import type { Connection } from './connection.ts'
import { InvalidArgumentError } from './errors.ts'
import type { EventBody } from './events.ts'
import { acquireOwned } from './owned-acquisition.ts'
import type { Runtime } from './ports.ts'
import { ClassicServerFound, NoSessionsFound } from './server-found.ts'
import { acquireInSession } from './session/acquisition.ts'
import type { Place } from './session/place.ts'
import type { Sessions } from './session/sessions.ts'
import type { Term } from './term.ts'

/** One call of `acquire()`, with all that it may need. */
export interface Acquisition {
  readonly runtime: Runtime
  readonly connection: Connection
  readonly sessions: Sessions
  /** The id of the `Lock`. */
  readonly lock: string
  readonly name: string
  /** The lease to ask for, in ms, or `null` for the server's own. */
  readonly leaseMs: number | null
  /** ms without a sign of the page after which heartbeats stop; `null` for never. */
  readonly stallTimeoutMs: number | null
  readonly mode: LockMode
  readonly steal: Steal | null
  readonly info: Json | undefined
  readonly blocking: boolean
  /** ms between polls where the server cannot queue. */
  readonly retryIntervalMs: number
  /** Aborts when the caller no longer wants the lock, with the reason to reject with. */
  readonly givenUp: AbortSignal
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal
  readonly emit: (event: EventBody) => void
  /** Lets something go on after `acquire()` has settled, and `close()` wait for it. */
  readonly background: (task: Promise<unknown>) => void
  /** Whether this client holds the name by another grant. */
  readonly heldHere: () => boolean
}

/** A lock that was granted, before anybody believes in it. */
export interface Grant {
  /** `null` in the classic dialect. */
  readonly owner: string | null
  readonly term: Term
  readonly fencingToken: number | null
  /** What a heartbeat restores, in ms. */
  readonly leaseMs: number
  readonly waitedMs: number
  /** A claim out of the queue: the first heartbeat is due at once. */
  readonly confirm: boolean
  /** Its place in a session, which keeps it; `null` for a grant with a lease of its own. */
  readonly place: Place | null
}

/** Waits until the lock is granted. Rejects with why it was not; then nothing of it is left at the server. */
export async function acquire(acquisition: Acquisition): Promise<Grant> {
  const { connection } = acquisition
  acquisition.givenUp.throwIfAborted()
  try {
    if (connection.dialect === 'classic') return await acquireClassic(acquisition)
    return await acquireFromOwned(acquisition)
  } catch (error) {
    if (!(error instanceof ClassicServerFound)) throw error
    connection.learn('classic')
    return acquireClassic(acquisition)
  }
}

/** In a session, or with a lease of its own from a server that knows no sessions. */
async function acquireFromOwned(acquisition: Acquisition): Promise<Grant> {
  const { connection } = acquisition
  if (!connection.hasSessions) return acquireOwned(acquisition)
  try {
    return await acquireInSession(acquisition)
  } catch (error) {
    if (!(error instanceof NoSessionsFound)) throw error
    connection.learnNoSessions()
    return acquireOwned(acquisition)
  }
}

/** Rejects what only an owned server can do. */
export function refuseOwnedOptions({ mode, steal, name }: Acquisition): void {
  const option = mode === 'shared' ? "mode: 'shared'" : steal === null ? null : `steal: '${steal}'`
  if (option === null) return
  throw new InvalidArgumentError(
    `${option} needs a server that speaks the owned dialect, and this one is a classic one: leave it out for ${JSON.stringify(name)}.`,
  )
}
