import { SESSION_PATHS } from '../../protocol/paths.ts'
import { MAX_STREAM_SESSIONS, type SessionEvent, type SessionStreamRequest } from '../../protocol/session.ts'
import { linkAborts, pause } from '../async.ts'
import type { ClientContext } from '../context.ts'
import type { CancelTimer } from '../ports.ts'

/** A stream that carried nothing for so many ms is not relied on: who waits polls. */
const SILENCE_MS = 2_000
/** ms between polls where there is no stream, ±25 %: well within the 5 s for which a waiter that is silent is live. */
const POLL_MS = 1_000
/** ms between polls beside a stream, to hear who holds and how the queue has moved. */
const REFRESH_MS = 10_000
/** ms before another stream is tried for, doubled with each failure. */
const RETRY_MS = { first: 500, most: 30_000 }
/** A stream that lived for so many ms was none that failed. */
const LIVED_MS = 5_000

/** After so many times that, it is given up for another one. */
const MISSED = 3

/** Who waits, and is told. */
export interface Listener {
  readonly secret: string
  hearEvent(event: SessionEvent): void
  /** Asks how it stands. */
  poll(): void
}

interface Stream {
  readonly abort: (reason: unknown) => void
  /** By the monotonic clock. */
  heardAt: number
  /** The sessions that it was opened with, by their secrets. What is told of them is told once, waiting or not. */
  readonly listeners: ReadonlyMap<string, Listener>
}

/**
 * Hears of grants while sessions wait: by one stream for all of them, and by polls where it cannot be had, has fallen
 * silent, or must leave its connection to others. Nothing depends on an event: every reply tells all grants too.
 */
export class Listening {
  readonly #context: ClientContext
  readonly #sessions = new Map<string, Listener>()
  #stream: Stream | null = null
  #isTrying = false
  #cancelPoll: CancelTimer | null = null
  #polledAt = 0
  #nobodyWaits = new AbortController()

  constructor(context: ClientContext) {
    this.#context = context
  }

  add(session: Listener): void {
    if (this.#sessions.size === 0) {
      this.#nobodyWaits = new AbortController()
      this.#polledAt = this.#context.runtime.now()
    }
    this.#sessions.set(session.secret, session)
    if (this.#cancelPoll === null) this.#armPoll()
    // A stream is for the sessions that it was opened with.
    if (this.#stream !== null && !this.#stream.listeners.has(session.secret)) this.#stream.abort(RENEWED)
    else if (!this.#isTrying) void this.#listen()
  }

  remove(session: Listener): void {
    if (!this.#sessions.delete(session.secret) || this.#sessions.size > 0) return
    this.close()
  }

  close(): void {
    this.#sessions.clear()
    this.#nobodyWaits.abort(RENEWED)
    this.#stream?.abort(RENEWED)
    this.#cancelPoll?.()
    this.#cancelPoll = null
  }

  /** Keeps a stream open as long as somebody waits. */
  async #listen(): Promise<void> {
    const { runtime } = this.#context
    this.#isTrying = true
    for (let failures = 0; this.#sessions.size > 0; ) {
      const begun = runtime.now()
      const isRenewed = await this.#hearStream()
      if (isRenewed) continue
      failures = runtime.now() - begun > LIVED_MS ? 0 : failures + 1
      const delay = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** failures) * (0.75 + 0.5 * runtime.random())
      await pause(runtime, delay, this.#nobodyWaits.signal, true).catch(() => {})
    }
    this.#isTrying = false
  }

  /** Resolves when the stream is over; to whether it was ended here, to open another one or none. */
  async #hearStream(): Promise<boolean> {
    const { runtime } = this.#context
    try {
      await runtime.whileParking(async (mayPark) => {
        if (mayPark && this.#sessions.size > 0) await this.#open()
      })
      return false
    } catch (error) {
      return error === RENEWED
    } finally {
      this.#stream = null
    }
  }

  async #open(): Promise<void> {
    const { runtime, connection, closing } = this.#context
    const listeners = new Map([...this.#sessions].slice(0, MAX_STREAM_SESSIONS))
    const over = linkAborts([closing])
    const stream: Stream = { abort: over.abort, heardAt: runtime.now(), listeners }
    const body: SessionStreamRequest = { sessions: [...listeners.keys()].map((session) => ({ session })) }
    this.#stream = stream
    try {
      const request = { method: 'POST', path: SESSION_PATHS.stream, body, authToken: connection.authToken } as const
      await runtime.openStream(request, {
        signal: over.signal,
        heard: (data) => {
          stream.heardAt = runtime.now()
          if (data !== null && this.#stream === stream) hear(data, listeners)
        },
      })
    } finally {
      over.undo()
    }
  }

  #armPoll(): void {
    const { runtime } = this.#context
    const ms = this.#stream === null ? POLL_MS * (0.75 + 0.5 * runtime.random()) : SILENCE_MS / 2
    this.#cancelPoll = runtime.setTimer(() => {
      this.#pollIfDue()
      if (this.#sessions.size > 0) this.#armPoll()
    }, ms)
  }

  #pollIfDue(): void {
    const now = this.#context.runtime.now()
    const silentMs = this.#stream === null ? Number.POSITIVE_INFINITY : now - this.#stream.heardAt
    const isHeard = silentMs < SILENCE_MS
    if (silentMs > SILENCE_MS * MISSED) this.#stream?.abort(SILENT)
    for (const [secret, session] of [...this.#sessions]) {
      const isTold = isHeard && this.#stream?.listeners.has(secret)
      if (!isTold || now - this.#polledAt >= REFRESH_MS) session.poll()
    }
    if (now - this.#polledAt >= REFRESH_MS || !isHeard) this.#polledAt = now
  }
}

function hear(data: string, listeners: Stream['listeners']): void {
  const event = readEvent(data)
  if (event !== null) listeners.get(event.session)?.hearEvent(event)
}

/** Why a stream is ended that carries nothing any more. */
const SILENT = Symbol('silent')

/** Why a stream is ended that did nothing wrong. */
const RENEWED = Symbol('renewed')

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
