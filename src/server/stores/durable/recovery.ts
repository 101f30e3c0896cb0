import { isRival } from '../memory/holder.ts'
import type { Inherited, InheritedHold } from '../memory/inherited.ts'
import type { Records } from './records.ts'

/**
 * What the next store takes over. Sessions get new epochs, larger than all before, so that their clients ask what has
 * come back with them. Throws an `Error` if the records contradict each other.
 */
export function recover({ lastToken, lastEpoch, sessions, holds }: Records): Inherited {
  const known = new Set(sessions.map(({ id }) => id))
  const tokens = holds.map(({ fencingToken }) => fencingToken)
  const inherited = {
    lastToken: tokens.reduce((most, token) => Math.max(most, token), lastToken),
    lastEpoch: lastEpoch + sessions.length,
    sessions: sessions.map((session, index) => ({ ...session, epoch: lastEpoch + 1 + index })),
    holds: [...holds].sort((one, other) => one.fencingToken - other.fencingToken),
  }
  for (const { name, session } of holds) {
    if (session === null || known.has(session)) continue
    throw new Error(`the lock ${JSON.stringify(name)} is held in a session of which there is no record`)
  }
  checkRivals(inherited.holds)
  return inherited
}

function checkRivals(holds: readonly InheritedHold[]): void {
  const before = new Map<string, InheritedHold>()
  for (const hold of holds) {
    const key = `${hold.namespace}\0${hold.name}`
    const other = before.get(key)
    if (other !== undefined && isRival(other, hold.mode)) {
      throw new Error(`the lock ${JSON.stringify(hold.name)} has two holders that exclude each other`)
    }
    before.set(key, hold)
  }
}
