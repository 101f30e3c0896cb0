import type { SessionEvent } from '../../protocol/session.ts'
import type { SessionGone, SessionOutcome, Standing } from '../store.ts'
import { claimView, endedView, endingView } from './replies.ts'

/** A {@link SessionEvent} without what the stream adds. */
export type FeedEvent = DistributiveOmit<SessionEvent, 'id'>

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never

/** What a stream has told of one session, so that it tells everything once and nothing has to be replayed. */
export class SessionFeed {
  readonly session: string
  /** Over: there will be nothing more to tell. */
  isGone = false
  /** Something must be heard of this session every second. */
  isWaiting = false
  #epoch = 0
  #told: ReadonlySet<string> = new Set()

  constructor(session: string) {
    this.session = session
  }

  /** What is new in how the session stands: bad news first, since somebody may be at work under a lock that is lost. */
  news(outcome: SessionOutcome): FeedEvent[] {
    return outcome.kind === 'standing' ? this.#newsOf(outcome) : this.#farewell(outcome)
  }

  #farewell({ reason }: SessionGone): FeedEvent[] {
    this.isGone = true
    this.isWaiting = false
    return [{ epoch: this.#epoch, session: this.session, type: 'gone', reason }]
  }

  #newsOf(standing: Standing): FeedEvent[] {
    const { epoch, isWaiting } = standing
    this.#epoch = epoch
    this.isWaiting = isWaiting
    const { session } = this
    const events: FeedEvent[] = [
      ...standing.ended.map((ended) => ({ epoch, session, type: 'lost' as const, ...endedView(ended) })),
      ...standing.ending.map((ending) => ({ epoch, session, type: 'ending' as const, ...endingView(ending) })),
      ...standing.claims.map((claim) => ({ epoch, session, type: 'granted' as const, ...claimView(claim) })),
    ]
    const told = this.#told
    // What is there no more is forgotten, so that this does not grow for ever.
    this.#told = new Set(events.map(keyOf))
    return events.filter((event) => !told.has(keyOf(event)))
  }
}

function keyOf(event: FeedEvent): string {
  return event.type === 'gone' ? event.type : `${event.type} ${event.owner}`
}
