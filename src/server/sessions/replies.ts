import type {
  CommandProblem,
  CommandResult,
  QueryReply,
  SessionClaim,
  SessionEnded,
  SessionEnding,
  SessionStanding,
  SyncReply,
} from '../../protocol/session.ts'
import { ProblemError } from '../http/problem-error.ts'
import { acquireProblem, acquireReply, holderViews, isProblem, releaseReply } from '../owned/replies.ts'
import type { AcquireOutcome, CommandOutcome, SessionGone, Snapshot, Standing, StoreCommand, Synced } from '../store.ts'

export function standingReply(standing: Standing): SessionStanding {
  return {
    v: 2,
    epoch: standing.epoch,
    lease_ms: standing.leaseMs,
    expires_in_ms: standing.expiresInMs,
    confirmed: [...standing.confirmed],
    claims: standing.claims.map(claimView),
    ending: standing.ending.map(endingView),
    ended: standing.ended.map(endedView),
  }
}

export function claimView(claim: Standing['claims'][number]): SessionClaim {
  return {
    owner: claim.owner,
    name: claim.name,
    fencing_token: claim.fencingToken,
    expires_in_ms: claim.expiresInMs,
    waited_ms: claim.waitedMs,
  }
}

export function endingView({ owner, name, reason, expiresInMs, successor }: Standing['ending'][number]): SessionEnding {
  return { owner, name, reason, expires_in_ms: expiresInMs, ...(successor && { successor }) }
}

export function endedView({ owner, name, reason }: Standing['ended'][number]): SessionEnded {
  return { owner, name, reason }
}

/** The result of one command. */
export function commandResult(command: StoreCommand, outcome: CommandOutcome): CommandResult {
  switch (outcome.kind) {
    case 'snapshot':
      return queryReply(outcome)
    case 'synced':
      return syncReply(outcome)
    case 'released':
    case 'ended':
      return { ...releaseReply(outcome), owner: 'owner' in command ? command.owner : '' }
    default:
      return acquireResult('owner' in command ? command.owner : '', outcome)
  }
}

/** What is wrong with one command. */
export function problemResult(owner: string | null, problem: ProblemError): CommandProblem {
  return { v: 2, ...(owner !== null && { owner }), problem: problem.document }
}

export function sessionUnknown({ reason }: SessionGone): ProblemError {
  const why = reason === 'unknown' ? 'is not known' : `is over (${reason})`
  return new ProblemError(
    'session-unknown',
    `This session ${why}: open another one, and ask for everything anew with new owners.`,
    {},
    reason,
  )
}

export function seqSpent(seq: number, highest: number): ProblemError {
  return new ProblemError('seq-spent', `The seq of an attempt must be larger than ${highest}; got ${seq}.`)
}

function acquireResult(owner: string, outcome: AcquireOutcome): CommandResult {
  return isProblem(outcome) ? problemResult(owner, acquireProblem(outcome)) : acquireReply(owner, outcome)
}

function queryReply({ locks, isTruncated }: Snapshot): QueryReply {
  return {
    v: 2,
    locks: locks.map(({ name, holders, waiters }) => ({ name, holders: holderViews(holders), waiters })),
    truncated: isTruncated,
  }
}

function syncReply({ holds, waits }: Synced): SyncReply {
  return {
    v: 2,
    holds: holds.map(({ owner, name, fencingToken }) => ({ owner, name, fencing_token: fencingToken })),
    waits: waits.map(({ owner, name }) => ({ owner, name })),
  }
}
