import type { SessionEvent } from '../../protocol/session.ts'
import type { ClientContext } from '../context.ts'
import type { CancelTimer } from '../ports.ts'
import type { NewsListener, NewsSource } from './news.ts'
import { OwnStream } from './own-stream.ts'
import { SharedStream } from './shared-stream.ts'

/** A stream that carried nothing for so many ms is not relied on: who waits polls. */
const SILENCE_MS = 2_000
/** ms between polls where there is no stream, ±25 %: well within the 5 s for which a waiter that is silent is live. */
const POLL_MS = 1_000
/** ms between polls beside a stream, to hear who holds and how the queue has moved. */
const REFRESH_MS = 10_000

/** Who waits, and is told. */
export interface Listener {
  readonly secret: string
  hearEvent(event: SessionEvent): void
  /** Another tab has heard that there is news. */
  hearHint(): void
  /** Asks how it stands. */
  poll(): void
}

/**
 * Hears of grants while sessions wait: by one stream for all of them, which tabs share over HTTP/1.1, and by polls
 * where it cannot be had, has fallen silent, or has no room. Nothing depends on an event: every reply tells all grants too.
 */
export class Listening {
  readonly #context: ClientContext
  /** Those that wait, by their secrets. */
  readonly #sessions = new Map<string, Listener>()
  /** Those, and others that the stream has: what it tells of them is told once, waiting or not. */
  readonly #listeners = new Map<string, Listener>()
  #source: NewsSource | null = null
  /** When something was last heard of a stream, by the monotonic clock, and of which sessions it tells. */
  #heard: { readonly at: number; readonly sessions: ReadonlySet<string> } | null = null
  #cancelPoll: CancelTimer | null = null
  #polledAt = 0

  constructor(context: ClientContext) {
    this.#context = context
  }

  add(session: Listener): void {
    if (this.#sessions.size === 0) this.#polledAt = this.#context.runtime.now()
    this.#sessions.set(session.secret, session)
    this.#listeners.set(session.secret, session)
    if (this.#cancelPoll === null) this.#armPoll()
    this.#listen()
  }

  remove(session: Listener): void {
    if (!this.#sessions.delete(session.secret)) return
    this.#source?.wait(new Set(this.#sessions.keys()))
    if (this.#sessions.size > 0) return
    this.#cancelPoll?.()
    this.#cancelPoll = null
  }

  /** Nobody waits any more, and nobody else is told by this client, as when its page is about to go. */
  close(): void {
    this.#sessions.clear()
    this.#source?.close()
    this.#cancelPoll?.()
    this.#cancelPoll = null
  }

  #listen(): void {
    if (this.#source === null || this.#source.isOver) this.#source = this.#newSource()
    this.#source.wait(new Set(this.#sessions.keys()))
  }

  #newSource(): NewsSource {
    this.#heard = null
    this.#forgetBut(new Set())
    const listener: NewsListener = {
      heard: (sessions) => this.#hear(sessions),
      told: (data) => {
        const event = readEvent(data)
        if (event !== null) this.#listeners.get(event.session)?.hearEvent(event)
      },
      hinted: (data) => {
        const event = readEvent(data)
        if (event !== null) this.#listeners.get(event.session)?.hearHint()
      },
    }
    const tabs = this.#context.runtime.tabs?.() ?? null
    return tabs === null ? new OwnStream(this.#context, listener) : new SharedStream(this.#context, tabs, listener)
  }

  #hear(sessions: ReadonlySet<string>): void {
    const isOther = this.#heard?.sessions !== sessions
    this.#heard = { at: this.#context.runtime.now(), sessions }
    if (isOther) this.#forgetBut(sessions)
  }

  /** Who neither waits nor is told of needs not be known any more. */
  #forgetBut(sessions: ReadonlySet<string>): void {
    for (const secret of [...this.#listeners.keys()]) {
      if (!this.#sessions.has(secret) && !sessions.has(secret)) this.#listeners.delete(secret)
    }
  }

  /** The sessions that are told of by a stream that can be relied on. */
  get #told(): ReadonlySet<string> | null {
    if (this.#heard === null || this.#context.runtime.now() - this.#heard.at >= SILENCE_MS) return null
    return this.#heard.sessions
  }

  #armPoll(): void {
    const { runtime } = this.#context
    const ms = this.#told === null ? POLL_MS * (0.75 + 0.5 * runtime.random()) : SILENCE_MS / 2
    this.#cancelPoll = runtime.setTimer(() => {
      this.#pollIfDue()
      if (this.#sessions.size > 0) this.#armPoll()
    }, ms)
  }

  #pollIfDue(): void {
    const now = this.#context.runtime.now()
    const told = this.#told
    const waiting = [...this.#sessions.values()]
    const untold = waiting.filter(({ secret }) => !told?.has(secret))
    const isDue = now - this.#polledAt >= REFRESH_MS
    if (isDue || told === null) this.#polledAt = now
    for (const session of isDue ? waiting : untold) session.poll()
    if (untold.length === 0 || this.#sessions.size === 0) return
    if (this.#source?.isOver) this.#listen()
    else this.#source?.remind()
  }
}

/** An event with the members that all of them have, or `null` if it is none. */
function readEvent(data: string): SessionEvent | null {
  try {
    const event: unknown = JSON.parse(data)
    const isEvent = typeof event === 'object' && event !== null && 'type' in event && 'session' in event
    return isEvent ? (event as SessionEvent) : null
  } catch {
    return null
  }
}
