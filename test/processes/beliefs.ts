import { groupBy } from '../support/group-by.ts'
import { allOf, type Told, type ToldOf } from './tale.ts'

/** The time during which one process believed in one grant, on the clock that all processes share. */
export interface Belief {
  readonly who: number
  readonly name: string
  readonly mode: 'exclusive' | 'shared'
  readonly token: number
  readonly from: number
  /** At the latest when it was certain to end: what is told of a loss later than that changes nothing. */
  readonly until: number
}

/** The beliefs in what processes told. Who heard of a grant too late to believe in it has none. */
export function beliefsIn(tale: readonly Told[]): readonly Belief[] {
  const byLease = talesOfLeases(tale)
  const beliefs = allOf(tale, 'granted').map((grant) => beliefIn(grant, byLease.get(leaseOf(grant)) ?? []))
  return beliefs.filter(({ from, until }) => until > from)
}

/** What was told of each lease, by {@link leaseOf}. */
export function talesOfLeases(tale: readonly Told[]): ReadonlyMap<string, readonly Told[]> {
  const ofLeases = tale.filter((each) => 'lease' in each)
  return groupBy(ofLeases, leaseOf)
}

/** Unique among all leases of all processes. */
export function leaseOf({ who, lease }: { readonly who: number; readonly lease: string }): string {
  return `${who} ${lease}`
}

function beliefIn({ who, name, mode, token, at, until }: ToldOf<'granted'>, tale: readonly Told[]): Belief {
  const renewals = allOf(tale, 'renewed').map((each) => each.until)
  const ends = [...allOf(tale, 'aborted'), ...allOf(tale, 'releasing')].map((each) => each.at)
  const saidSo = allOf(tale, 'still').map((each) => each.at)
  const certainEnd = Math.max(until, ...renewals)
  return { who, name, mode, token, from: at, until: Math.max(Math.min(certainEnd, ...ends), ...saidSo) }
}

/**
 * What is wrong with beliefs: those in one name that overlap though one of them is exclusive, and
 * fencing tokens that do not grow between them.
 */
export function contradictions(beliefs: readonly Belief[]): readonly string[] {
  return [...groupBy(beliefs, ({ name }) => name).values()].flatMap(contradictionsOf)
}

function contradictionsOf(beliefs: readonly Belief[]): string[] {
  const inOrder = beliefs.toSorted((a, b) => a.from - b.from)
  return inOrder.flatMap((later, index) => {
    const earlier = inOrder.slice(0, index).filter((each) => each.mode === 'exclusive' || later.mode === 'exclusive')
    return [...overlaps(earlier, later), ...misordered(earlier, later)]
  })
}

function overlaps(earlier: readonly Belief[], later: Belief): string[] {
  const overlapping = earlier.filter(({ until }) => until > later.from)
  return overlapping.map((each) => `${describe(each)} overlaps ${describe(later)}`)
}

function misordered(earlier: readonly Belief[], later: Belief): string[] {
  const larger = earlier.filter(({ token }) => token >= later.token)
  return larger.map((each) => `${describe(later)} has no larger token than ${describe(each)}`)
}

function describe({ who, name, token, from, until }: Belief): string {
  return `the belief of ${who} in ${name} (token ${token}, ${from.toFixed(1)} to ${until.toFixed(1)})`
}
