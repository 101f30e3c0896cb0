import { allOf, type Told } from '../processes/tale.ts'
import { groupBy } from '../support/group-by.ts'
import type { Recovery, Tally } from './tally.ts'

/** The figures of a storm, as lines for people. */
export function figuresOf(tale: readonly Told[], tally: Tally): string[] {
  const faults = [...tally.faults].toSorted(([one], [other]) => (one < other ? -1 : 1))
  const processes = new Set(tale.map(({ who }) => who)).size
  const granted = allOf(tale, 'granted')
  const shared = granted.filter(({ mode }) => mode === 'shared').length
  const renewals = allOf(tale, 'renewed').length
  const releases = allOf(tale, 'releasing').length
  const inVain = allOf(tale, 'gave up').length
  const operations = granted.length + inVain + renewals + releases
  return [
    `faults: ${faults.reduce((sum, [, count]) => sum + count, 0)}`,
    ...faults.map(([kind, count]) => `  ${count} × ${kind}`),
    `client processes: ${processes}`,
    `operations: ${operations} (${granted.length} grants, of which ${shared} shared; ${inVain} acquires in vain; ${renewals} renewals; ${releases} releases)`,
    `hand-offs: ${describe(handOffsIn(tale))}`,
    `lost locks: ${lossesIn(tale)}`,
    ...(['server', 'engine'] as const).flatMap((kind) => recoveriesOf(kind, tally.recoveries)),
  ]
}

/** ms from a release to the grant of somebody who had waited for it. */
function handOffsIn(tale: readonly Told[]): number[] {
  const asked = new Map(allOf(tale, 'asked').map(({ who, lease, at }) => [`${who} ${lease}`, at]))
  const releases = groupBy(allOf(tale, 'releasing'), ({ name }) => name)
  return allOf(tale, 'granted').flatMap(({ who, name, lease, at }) => {
    const since = asked.get(`${who} ${lease}`) ?? at
    const last = (releases.get(name) ?? []).findLast((each) => each.at < at)
    return last === undefined || last.at < since ? [] : [at - last.at]
  })
}

function lossesIn(tale: readonly Told[]): string {
  const causes = groupBy(allOf(tale, 'lost'), ({ cause }) => cause)
  const counts = [...causes].map(([cause, losses]) => `${losses.length} ${cause}`)
  return `${allOf(tale, 'lost').length}${counts.length > 0 ? ` (${counts.join(', ')})` : ''}`
}

/** From when a killed server is started again, and from when an engine was taken away. */
function recoveriesOf(kind: Recovery['kind'], recoveries: readonly Recovery[]): string[] {
  const times = recoveries.filter((each) => each.kind === kind).map(({ ms }) => ms)
  const since = kind === 'server' ? 'the start of a server that was away' : 'a fault of an engine'
  return times.length === 0 ? [] : [`from ${since} to a grant: ${describe(times)}`]
}

function describe(times: readonly number[]): string {
  const inOrder = times.toSorted((one, other) => one - other)
  const at = (part: number) => (inOrder[Math.floor(part * (inOrder.length - 1))] ?? 0).toFixed(1)
  return inOrder.length === 0 ? '0' : `${inOrder.length} (median ${at(0.5)} ms, 99 % ${at(0.99)} ms, max ${at(1)} ms)`
}
