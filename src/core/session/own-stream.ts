import { MAX_STREAM_SESSIONS } from '../../protocol/session.ts'
import type { ClientContext } from '../context.ts'
import { KeptStream } from './kept-stream.ts'
import type { NewsListener, NewsSource } from './news.ts'

/** A stream that a client opens for itself alone, where it may park a request at the server. */
export class OwnStream implements NewsSource {
  readonly #stream: KeptStream
  readonly #closing = new AbortController()
  #waiting: ReadonlySet<string> = new Set()
  /** What is told of them is told once, waiting or not: so they need no other stream when they wait again. */
  #carried: ReadonlySet<string> = new Set()

  constructor(context: ClientContext, listener: NewsListener) {
    this.#stream = new KeptStream({
      context,
      whileParking: (poll) => context.runtime.whileParking(poll),
      sessions: () => {
        this.#carried = new Set([...this.#waiting].slice(0, MAX_STREAM_SESSIONS))
        return this.#carried
      },
      heard: (sessions, data) => {
        listener.heard(sessions)
        if (data !== null) listener.told(data)
      },
      failed: () => {},
    })
  }

  get isOver(): boolean {
    return this.#closing.signal.aborted
  }

  wait(sessions: ReadonlySet<string>): void {
    const isFirst = this.#waiting.size === 0
    this.#waiting = sessions
    if (sessions.size === 0) this.close()
    else if (isFirst) void this.#stream.run(this.#closing.signal)
    else if ([...sessions].some((session) => !this.#carried.has(session))) this.#stream.renew()
  }

  remind(): void {}

  close(): void {
    this.#closing.abort()
  }
}
