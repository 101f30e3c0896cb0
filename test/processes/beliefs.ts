import { allOf, type Told, type ToldOf } from './tale.ts'

/** The time during which one process believed in one grant, on the clock that all processes share. */
export interface Belief {
  readonly who: number
  readonly name: string
  readonly token: number
  readonly from: number
  /** At the latest when it was certain to end: what is told of a loss later than that changes nothing. */
  readonly until: number
}

/** The beliefs in what processes told. Who heard of a grant too late to believe in it has none. */
export function beliefsIn(tale: readonly Told[]): readonly Belief[] {
  const beliefs = allOf(tale, 'granted').map((grant) => {
    const about = tale.filter((each) => isAbout(each, grant))
    return beliefIn(grant, about)
  })
  return beliefs.filter(({ from, until }) => until > from)
}

function isAbout(told: Told, { who, lease }: ToldOf<'granted'>): boolean {
  return told.who === who && 'lease' in told && told.lease === lease
}

function beliefIn({ who, name, token, at, until }: ToldOf<'granted'>, tale: readonly Told[]): Belief {
  const renewals = allOf(tale, 'renewed').map((each) => each.until)
  const ends = [...allOf(tale, 'aborted'), ...allOf(tale, 'releasing')].map((each) => each.at)
  const saidSo = allOf(tale, 'still').map((each) => each.at)
  const certainEnd = Math.max(until, ...renewals)
  return { who, name, token, from: at, until: Math.max(Math.min(certainEnd, ...ends), ...saidSo) }
}

/** What is wrong with beliefs: those in one name that overlap, and fencing tokens that do not grow. */
export function contradictions(beliefs: readonly Belief[]): readonly string[] {
  const names = [...new Set(beliefs.map(({ name }) => name))]
  return names.flatMap((name) => contradictionsOf(beliefs.filter((belief) => belief.name === name)))
}

function contradictionsOf(beliefs: readonly Belief[]): string[] {
  const inOrder = beliefs.toSorted((a, b) => a.from - b.from)
  return inOrder.flatMap((later, index) => {
    const earlier = inOrder.slice(0, index)
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
