import type {
  AcquireReply,
  GrantedReply,
  HeartbeatReply,
  HolderView,
  RefusalReason,
  RefusedReply,
  ReleaseReply,
} from '../../protocol/wire.ts'
import { ProblemError } from '../http/problem-error.ts'
import type {
  AcquireOutcome,
  Conflict,
  Full,
  Granted,
  HolderState,
  Queued,
  Refused,
  ReleaseOutcome,
  RenewOutcome,
  Spent,
} from '../store.ts'
import { RETRY_AFTER_MS, TICKET_MS } from '../timing.ts'

/** A thousand shared holders with 1 KiB of `info` each would make every poll a megabyte. */
const MOST_HOLDERS_TOLD = 20

/** @param waitedMs how long the request was parked, measured before the step that `granted` is from. */
export function grantedReply(owner: string, granted: Granted, waitedMs: number): GrantedReply {
  return {
    v: 2,
    response: true,
    owner,
    fencing_token: granted.fencingToken,
    lease_ms: granted.leaseMs,
    expires_in_ms: granted.expiresInMs,
    waited_ms: Math.floor(waitedMs),
    confirm: granted.claim,
    ...(granted.ending && { ending: granted.ending }),
  }
}

/** The owner keeps a place in the queue for the time of a ticket. */
export function queuedReply(owner: string, queued: Queued): RefusedReply {
  const refused = refusedReply(owner, queued.graceMs > 0 ? 'grace' : 'queued', queued)
  return { ...refused, position: queued.position, ticket_ms: TICKET_MS }
}

/** Not granted; `standing` says who is in the way. */
export function refusedReply(
  owner: string,
  reason: RefusalReason,
  standing?: Pick<Refused, 'graceMs' | 'holders'>,
): RefusedReply {
  return {
    v: 2,
    response: false,
    owner,
    reason,
    ...(standing && { holders: holderViews(standing.holders) }),
    ...(standing && standing.graceMs > 0 && { retry_after_ms: Math.ceil(standing.graceMs) }),
  }
}

/** The answer to an acquire that did not have to wait for it. */
export function acquireReply(owner: string, outcome: Granted | Queued | Refused): AcquireReply {
  if (outcome.kind === 'granted') return grantedReply(owner, outcome, 0)
  if (outcome.kind === 'queued') return queuedReply(owner, outcome)
  return refusedReply(owner, outcome.graceMs > 0 ? 'grace' : 'held', outcome)
}

/** Whether an acquire cannot be granted as it is; see {@link acquireProblem}. */
export function isProblem(outcome: AcquireOutcome): outcome is Spent | Conflict | Full {
  return outcome.kind === 'spent' || outcome.kind === 'conflict' || outcome.kind === 'full'
}

/** The server goes away; another one, or itself after a restart, may grant. */
export function shutdownReply(owner: string): RefusedReply {
  return { ...refusedReply(owner, 'shutdown'), retry_after_ms: RETRY_AFTER_MS }
}

export function heartbeatReply(outcome: RenewOutcome): HeartbeatReply {
  if (outcome.kind === 'ended') return { v: 2, response: false, reason: outcome.reason }
  return {
    v: 2,
    response: true,
    fencing_token: outcome.fencingToken,
    lease_ms: outcome.leaseMs,
    expires_in_ms: outcome.expiresInMs,
    ...(outcome.ending && { ending: outcome.ending }),
    ...(outcome.successor && { successor: outcome.successor }),
  }
}

export function releaseReply(outcome: ReleaseOutcome): ReleaseReply {
  if (outcome.kind === 'released') return { v: 2, response: true }
  return { v: 2, response: false, reason: outcome.reason }
}

/** The holders as others may see them, the first of them. */
export function holderViews(holders: readonly HolderState[]): HolderView[] {
  return holders.slice(0, MOST_HOLDERS_TOLD).map(({ info, mode, sinceMs, expiresInMs }) => ({
    info,
    mode,
    since_ms: sinceMs,
    expires_in_ms: expiresInMs,
  }))
}

/** The problem of an acquire that cannot be granted as it is. */
export function acquireProblem(outcome: Spent | Conflict | Full): ProblemError {
  switch (outcome.kind) {
    case 'spent': {
      const how = outcome.reason === 'unknown' ? 'given up before it was acquired' : outcome.reason
      return new ProblemError('owner-spent', `The acquisition of this owner is over (${how}): ${FRESH_OWNER}`)
    }
    case 'conflict':
      return new ProblemError(
        'owner-conflict',
        `This owner holds or waits ${ANOTHER[outcome.member]} already: ${FRESH_OWNER}`,
      )
    case 'full':
      return new ProblemError(
        'too-many-requests',
        `This server takes at most ${outcome.most} ${FULL[outcome.limit]}, and that many there are: try again later.`,
        { 'Retry-After': String(Math.ceil(RETRY_AFTER_MS / 1000)) },
      )
  }
}

const FRESH_OWNER = 'make a fresh owner for each acquisition.'

const ANOTHER: Record<Conflict['member'], string> = {
  mode: 'with another mode',
  if_available: 'with another if_available',
  name: 'with another name',
  session: 'outside of this session',
}

const FULL: Record<Full['limit'], string> = {
  locks: 'locks in a namespace',
  ownersPerLock: 'holders and waiters of a lock',
  waiters: 'waiters in a namespace',
  tombstones: 'finished owners in a namespace',
  sessions: 'sessions in a namespace',
  ownersPerSession: 'owners of a session that hold, wait or are not released',
  locksPerToken: 'holders and waiters of this token in a namespace',
  waitersPerToken: 'waiters of this token in a namespace',
}
