import { type SessionEvent, STREAM_BEAT_MS } from '../../protocol/session.ts'
import type { ServerClock } from '../clock.ts'
import type { Parking } from '../owned/parking.ts'
import type { LockStore } from '../store.ts'
import { withResolvers } from '../with-resolvers.ts'
import { SessionFeed } from './feed.ts'
import type { SessionHints } from './hints.ts'

/** A stream on which nobody waits carries something at least so often, in ms: proxies cut what is silent. */
const IDLE_BEAT_MS = 15_000

/** The waiters of a session on a stream are attached so long from each look at it, in ms: a beat that comes late, too. */
const ATTACH_MS: number = 2 * STREAM_BEAT_MS

/** Why a stream ends. `gone`: all its sessions are over. `disconnected`: its reader has gone, or does not read. */
export type StreamEnd = 'gone' | 'shutdown' | 'disconnected'

/** Takes an event, or `null` for a sign of life. Called for nothing once the stream has ended. */
export type Tell = (event: SessionEvent | null) => void

export interface StreamContext {
  readonly store: LockStore
  readonly clock: ServerClock
  readonly parking: Parking
  readonly hints: SessionHints
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
  tell: Tell,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const stream = new SessionStream(context, sessions, tell)
  const leave = stream.enter(signal)
  try {
    return await stream.run()
  } finally {
    leave()
  }
}

class SessionStream {
  readonly #context: StreamContext
  readonly #feeds: readonly SessionFeed[]
  readonly #tell: Tell
  /** Of whom the store has hinted something since the last look. */
  readonly #hinted = new Set<SessionFeed>()
  #end: StreamEnd | null = null
  #wake: () => void = () => undefined
  #lastId = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #beatAt: number

  constructor(context: StreamContext, sessions: readonly string[], tell: Tell) {
    this.#context = context
    this.#feeds = [...new Set(sessions)].map((session) => new SessionFeed(session))
    this.#tell = tell
    this.#beatAt = context.clock.now()
  }

  /** Begins to listen to the store, the server and the reader. Returns a function that ends it. */
  enter(signal: AbortSignal): () => void {
    const { hints, parking } = this.#context
    const disconnected = () => this.#finish('disconnected')
    signal.addEventListener('abort', disconnected)
    if (signal.aborted) disconnected()
    const leaving = this.#feeds.map((feed) => hints.follow(feed.session, () => this.#hint(feed)))
    leaving.push(parking.onClose(() => this.#finish('shutdown')))
    leaving.push(() => signal.removeEventListener('abort', disconnected))
    return () => {
      for (const leave of leaving) leave()
    }
  }

  async run(): Promise<StreamEnd> {
    while (this.#end === null) {
      const isBeat = this.#context.clock.now() >= this.#beatAt
      for (const feed of isBeat ? this.#feeds : [...this.#hinted]) await this.#look(feed)
      if (isBeat) this.#beat()
      if (this.#feeds.every((feed) => feed.isGone)) this.#finish('gone')
      if (this.#end === null && this.#hinted.size === 0) await this.#pause()
    }
    if (this.#end === 'disconnected') await this.#detach()
    return this.#end
  }

  #finish(end: StreamEnd): void {
    this.#end ??= end
    this.#wake()
  }

  #hint(feed: SessionFeed): void {
    this.#hinted.add(feed)
    this.#wake()
  }

  async #look(feed: SessionFeed): Promise<void> {
    this.#hinted.delete(feed)
    if (feed.isGone || this.#end !== null) return
    const { session } = feed
    const outcome = await this.#context.store.attendSession({ session, attachMs: ATTACH_MS })
    for (const event of feed.news(outcome)) {
      this.#lastId += 1
      this.#say({ id: String(this.#lastId), ...event })
    }
  }

  /** A sign of life, after all have been looked at: it says that they are attended. */
  #beat(): void {
    const now = this.#context.clock.now()
    this.#beatAt = now + STREAM_BEAT_MS
    const isWaiting = this.#feeds.some((feed) => feed.isWaiting)
    if (isWaiting || now - this.#toldAt > IDLE_BEAT_MS - STREAM_BEAT_MS) this.#say(null)
  }

  #say(event: SessionEvent | null): void {
    if (this.#end !== null) return
    this.#toldAt = this.#context.clock.now()
    this.#tell(event)
  }

  /** Until the next beat, a hint, or the end. */
  async #pause(): Promise<void> {
    const { clock } = this.#context
    const woken = withResolvers<void>()
    this.#wake = () => woken.resolve()
    const cancelTimer = clock.setTimer(() => woken.resolve(), Math.max(1, Math.ceil(this.#beatAt - clock.now())))
    await woken.promise
    cancelTimer()
  }

  /** The reader has gone: the places are kept for a ticket from now. */
  async #detach(): Promise<void> {
    const { store } = this.#context
    for (const feed of this.#feeds.filter(({ isGone }) => !isGone)) {
      await store.attendSession({ session: feed.session, attachMs: 0 })
    }
  }
}
