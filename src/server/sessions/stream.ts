import { type SessionEvent, STREAM_BEAT_MS } from '../../protocol/session.ts'
import type { Observer } from '../observe/facts.ts'
import type { LockStore } from '../store.ts'
import type { Hints } from '../watch/hints.ts'
import { goRounds, type RoundsContext, type StreamEnd, type Subject, type Tell } from '../watch/rounds.ts'
import { type FeedEvent, SessionFeed } from './feed.ts'

/** The waiters of a session on a stream are attached so long from each look at it, in ms: a beat that comes late, too. */
const ATTACH_MS: number = 2 * STREAM_BEAT_MS

export interface StreamContext extends RoundsContext {
  readonly store: LockStore
  /** By session. */
  readonly hints: Hints
  readonly observe: Observer
}

/**
 * Tells what happens to `sessions` until all are over, the server goes away, or `signal` aborts.
 *
 * It compares how they stand with what it has told, on each hint of the store and at each beat. So a hint may be lost,
 * and a stream that is opened anew needs nothing of the one before. Rejects if the store cannot be reached.
 */
export async function runStream(
  context: StreamContext,
  sessions: readonly string[],
  tell: Tell<SessionEvent>,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const { store } = context
  const feeds = [...new Set(sessions)].map((session) => new SessionFeed(session))
  const end = await goRounds(context, new FollowedSessions(context, feeds), tell, signal)
  if (end !== 'disconnected') return end
  // The reader has gone: the places are kept for a ticket from now.
  for (const { session } of feeds.filter(({ isGone }) => !isGone)) {
    await store.attendSession({ session, attachMs: 0 })
  }
  return end
}

class FollowedSessions implements Subject<SessionFeed, FeedEvent> {
  readonly items: readonly SessionFeed[]
  /** Since when there is a hint that no look has followed. */
  readonly #hintedAt = new Map<SessionFeed, number>()
  readonly #context: StreamContext

  constructor(context: StreamContext, feeds: readonly SessionFeed[]) {
    this.#context = context
    this.items = feeds
  }

  follow(feed: SessionFeed, hint: () => void): () => void {
    const { hints, clock } = this.#context
    return hints.follow(feed.session, () => {
      if (!this.#hintedAt.has(feed)) this.#hintedAt.set(feed, clock.now())
      hint()
    })
  }

  async look(feed: SessionFeed): Promise<readonly FeedEvent[]> {
    if (feed.isGone) return []
    const { store, clock, observe } = this.#context
    const hintedAt = this.#hintedAt.get(feed)
    this.#hintedAt.delete(feed)
    const news = feed.news(await store.attendSession({ session: feed.session, attachMs: ATTACH_MS }))
    if (hintedAt !== undefined && news.some(({ type }) => type === 'granted')) {
      observe({ kind: 'hand-off', ms: clock.now() - hintedAt })
    }
    return news
  }

  isOver(): boolean {
    return this.items.every((feed) => feed.isGone)
  }

  isUrgent(): boolean {
    return this.items.some((feed) => feed.isWaiting)
  }
}
