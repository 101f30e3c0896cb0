import { beliefsIn, contradictions } from '../processes/beliefs.ts'
import type { Write } from '../processes/guarded-resource.ts'
import { allOf, type Told } from '../processes/tale.ts'
import { findImpossible } from '../simulation/history-checker.ts'
import { groupBy } from '../support/group-by.ts'
import { historyIn } from './history.ts'

export interface Evidence {
  /** What the clients told. */
  readonly tale: readonly Told[]
  /** What was written to the resource. */
  readonly writes: readonly Write[]
  readonly leaseMs: number
  readonly mayForget: boolean
}

/** A rule that was broken, and how. */
export interface Violation {
  readonly rule: 'belief' | 'history' | 'fencing' | 'loss'
  readonly detail: string
}

/** All that must not have happened and did. */
export function violationsIn({ tale, writes, leaseMs, mayForget }: Evidence): readonly Violation[] {
  const impossible = findImpossible(historyIn(tale, leaseMs), { mayForget })
  return [
    ...contradictions(beliefsIn(tale)).map((detail): Violation => ({ rule: 'belief', detail })),
    ...(impossible === null ? [] : [{ rule: 'history', detail: impossible } as const]),
    ...allOf(tale, 'contradiction').map(({ who, name, lease }): Violation => {
      return { rule: 'fencing', detail: `${who} held ${name} (${lease}) after the resource had refused its token` }
    }),
    ...disorderIn(writes),
    ...unequalLosses(tale),
  ]
}

/** Writes that were accepted after one with a newer token. */
function disorderIn(writes: readonly Write[]): Violation[] {
  const largest = new Map<string, number>()
  return writes.flatMap(({ name, token, accepted }) => {
    const before = largest.get(name) ?? 0
    if (accepted) largest.set(name, Math.max(before, token))
    if (!accepted || token >= before) return []
    return [{ rule: 'fencing', detail: `${name} was written with ${token} after ${before}` }]
  })
}

/** The processes that came to their end, and did not tell of each loss once. */
function unequalLosses(tale: readonly Told[]): Violation[] {
  const byProcess = groupBy(tale, ({ who }) => who)
  return allOf(tale, 'ended').flatMap(({ who }) => {
    const own = byProcess.get(who) ?? []
    const over = [...allOf(own, 'aborted'), ...allOf(own, 'too late')].length
    const [lost, called] = [allOf(own, 'lost').length, allOf(own, 'onLockLoss').length]
    if (over === lost && lost === called) return []
    return [{ rule: 'loss', detail: `${who} lost ${over} locks, told of ${lost}, and called ${called} times` }]
  })
}
