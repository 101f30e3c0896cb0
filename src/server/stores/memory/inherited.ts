import type { Json, LockMode } from '../../../protocol/wire.ts'
import type { SessionContext } from './session-steps.ts'

/** A session of an earlier store. */
export interface InheritedSession {
  readonly id: string
  readonly namespace: string
  /** Larger than that which it had, and than every other one so far. */
  readonly epoch: number
  readonly leaseMs: number
  /** The highest of all attempts. */
  readonly seq: number
  readonly info: Json
}

/** A lock that somebody held in an earlier store. */
export interface InheritedHold {
  readonly namespace: string
  readonly name: string
  /** `null`: acquired in the classic dialect. */
  readonly owner: string | null
  /** `null`: it has a lease of its own. */
  readonly session: string | null
  /** Who asked. */
  readonly subject: string | null
  /** How long it may be held, in ms, which counts anew; `null`: as long as it is renewed. */
  readonly maxHoldMs: number | null
  readonly mode: LockMode
  readonly info: Json
  readonly fencingToken: number
  /** The longest that was ever promised. */
  readonly leaseMs: number
}

/** What a store takes over from the one that was there before. */
export interface Inherited {
  /** No fencing token so far was larger; 0 if there was none. */
  readonly lastToken: number
  /** No epoch so far was larger, those of `sessions` included; 0 if there was none. */
  readonly lastEpoch: number
  readonly sessions: readonly InheritedSession[]
  /** In the order in which they were granted; each session is one of `sessions`. */
  readonly holds: readonly InheritedHold[]
}

export const NOTHING_INHERITED: Inherited = { lastToken: 0, lastEpoch: 0, sessions: [], holds: [] }

/**
 * Fills an empty store. Everything has its full lease from `now`, since nobody knows how much was left; a claim comes
 * back as held, since it may have been confirmed.
 */
export function takeOver({ table, spaceOf, look }: SessionContext, inherited: Inherited, now: number): void {
  for (const session of inherited.sessions) table.restore(session, spaceOf(session.namespace), now)
  for (const { namespace, name, session, ...hold } of inherited.holds) {
    const holder = { ...hold, session: session === null ? null : table.find(session) }
    look(spaceOf(namespace), name, now, (lock) => lock.restore(holder, now))
  }
}
