import type { ServerClock } from '../clock.ts'
import { StoreUnavailableError } from '../store.ts'
import type { StreamEnd, Tell } from '../watch/rounds.ts'
import { COMMON_HEADERS } from './reply.ts'

/** A reader that leaves something unread for so long is cut, in ms: what is told is of use only while it is fresh. */
const UNREAD_MS = 5_000

/** A reader that leaves more than this unread is cut, in bytes. */
const MOST_UNREAD_BYTES: number = 4 * 1024 * 1024

interface StreamEvent {
  readonly id: string
}

/** Tells events until it resolves. `signal` aborts when the reader has gone, or does not read. */
export type RunStream<Event extends StreamEvent> = (tell: Tell<Event>, signal: AbortSignal) => Promise<StreamEnd>

export interface EventStreamOptions {
  readonly clock: ServerClock
  /** Told of errors that end a stream which has begun. */
  readonly onError: (error: unknown) => void
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal
}

/**
 * What `run` tells, as server-sent events. Resolves when the first of them is there, and rejects as `run` does before
 * that.
 */
export function eventStream<Event extends StreamEvent>(
  run: RunStream<Event>,
  options: EventStreamOptions,
): Promise<Response> {
  const { signal, onError } = options
  const reader = new Reader(options.clock)
  const gone = () => reader.cut()
  signal.addEventListener('abort', gone)
  if (signal.aborted) gone()
  return new Promise((resolve, reject) => {
    let hasBegun = false
    const tell: Tell<Event> = (event) => {
      reader.write(event === null ? ':\n\n' : framed(event))
      if (hasBegun) return
      hasBegun = true
      resolve(reply(reader.body))
    }
    run(tell, reader.signal)
      .then((end) => {
        if (end === 'shutdown') reader.write('event: bye\ndata: {}\n\n')
        // There is nobody left to read it, or it is over before there was anything to tell.
        if (!hasBegun) resolve(reply(reader.body))
      })
      .catch((error: unknown) => {
        if (!hasBegun) reject(error)
        // A store that does not answer is told to those who ask, and is no error of the server.
        else if (!(error instanceof StoreUnavailableError)) onError(error)
      })
      .finally(() => {
        signal.removeEventListener('abort', gone)
        reader.end()
      })
  })
}

function framed(event: StreamEvent): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`
}

function reply(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    // Proxies that gather what they pass on would hold events back.
    headers: { ...COMMON_HEADERS, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' },
  })
}

/** Who reads the stream, as far as can be seen: whether it has taken what was written. */
class Reader {
  readonly body: ReadableStream<Uint8Array>
  readonly #clock: ServerClock
  readonly #cut = new AbortController()
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  /** Since when there is something that was not taken; `null` if there is nothing. */
  #unreadSince: number | null = null

  constructor(clock: ServerClock) {
    this.#clock = clock
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        // Asked for more only when all has been taken: nothing is wanted in store.
        pull: () => {
          this.#unreadSince = null
        },
        cancel: () => {
          this.#controller = null
          this.cut()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    )
  }

  /** Aborts when the reader has gone or was cut. */
  get signal(): AbortSignal {
    return this.#cut.signal
  }

  write(text: string): void {
    const now = this.#clock.now()
    const { desiredSize } = this.#controller ?? { desiredSize: null }
    if (this.#controller === null || desiredSize === null) return
    const isSlow = this.#unreadSince !== null && now - this.#unreadSince >= UNREAD_MS
    if (isSlow || -desiredSize > MOST_UNREAD_BYTES) return this.cut()
    this.#controller.enqueue(this.#encoder.encode(text))
    if ((this.#controller.desiredSize ?? 0) < 0) this.#unreadSince ??= now
  }

  /** Writes no more, and says so to whoever does. What is unread is thrown away. */
  cut(): void {
    if (!this.#cut.signal.aborted) this.#cut.abort()
  }

  end(): void {
    const controller = this.#controller
    this.#controller = null
    if (controller === null) return
    if (this.#cut.signal.aborted) controller.error(new Error('The reader of this stream was cut.'))
    else controller.close()
  }
}
