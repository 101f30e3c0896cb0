import { leaseOf, talesOfLeases } from '../processes/beliefs.ts'
import { allOf, type Told, type ToldOf } from '../processes/tale.ts'
import type { HistoryOperation, HistoryOutcome } from '../simulation/history-checker.ts'

/** ms before its grant within which whatever was granted was asked for, if the process was killed before it told when. */
const LONGEST_WAIT_MS = 60_000

/** What processes told of their leases, as operations on the locks. */
export function historyIn(tale: readonly Told[], leaseMs: number): HistoryOperation[] {
  const byLease = talesOfLeases(tale)
  return allOf(tale, 'granted').flatMap((grant) => historyOf(grant, byLease.get(leaseOf(grant)) ?? [], leaseMs))
}

function historyOf(grant: ToldOf<'granted'>, tale: readonly Told[], leaseMs: number): HistoryOperation[] {
  const { who, name, mode, token } = grant
  const askedAt = allOf(tale, 'asked')[0]?.at ?? grant.at - LONGEST_WAIT_MS
  const common = { client: String(who), name, owner: leaseOf(grant), mode }
  return [
    {
      ...common,
      kind: 'acquire',
      invokedAt: askedAt,
      returnedAt: grant.at,
      outcome: { kind: 'granted', fencingToken: token, heldUntil: grant.until },
    },
    ...allOf(tale, 'renewed').map(
      ({ at, until }): HistoryOperation => ({
        ...common,
        kind: 'renew',
        // It was sent no sooner than a lease before the end that it gave.
        invokedAt: Math.max(askedAt, until - leaseMs),
        returnedAt: at,
        outcome: { kind: 'renewed', heldUntil: until },
      }),
    ),
    ...endsIn(tale).map(({ from, at, outcome }): HistoryOperation => {
      return { ...common, kind: 'release', invokedAt: from, returnedAt: at, outcome }
    }),
  ]
}

interface End {
  readonly from: number
  readonly at: number | null
  readonly outcome: HistoryOutcome
}

/** Whoever has lost a lease hands it back as well, and does not say what came of it. */
function endsIn(tale: readonly Told[]): End[] {
  const unknown = [...allOf(tale, 'aborted'), ...allOf(tale, 'too late')]
  const [releasing] = allOf(tale, 'releasing')
  const [released] = allOf(tale, 'released')
  const ends: End[] = unknown.map(({ at }) => ({ from: at, at: null, outcome: { kind: 'unknown' } }))
  if (releasing === undefined) return ends
  // Between the two lines it may have been lost, so that the release came too late.
  const isDone = released?.acknowledged === true && unknown.length === 0
  if (!isDone) return [...ends, { from: releasing.at, at: null, outcome: { kind: 'unknown' } }]
  return [{ from: releasing.at, at: released.at, outcome: { kind: 'released' } }]
}
