import { SESSION_PATHS } from '../../protocol/paths.ts'
import type { SessionStreamRequest } from '../../protocol/session.ts'
import { linkAborts, pause } from '../async.ts'
import type { ClientContext } from '../context.ts'
import type { CancelTimer, Runtime, WireRequest } from '../ports.ts'

/** A stream that carried nothing for so many ms is given up for another one. */
const SILENT_MS = 6_000
/** ms before another stream is tried for, doubled with each failure. */
const RETRY_MS = { first: 500, most: 30_000 }
/** A stream that lived for so many ms was none that failed. */
const LIVED_MS = 5_000

export interface KeptStreamOptions {
  readonly context: ClientContext
  /** Whether a request may be parked at the server now, and for how long. */
  readonly whileParking: Runtime['whileParking']
  /** Asked for the sessions to open a stream with, by their secrets. */
  readonly sessions: () => ReadonlySet<string>
  /** Called with the sessions that the stream was opened with, and what it carried: an event, or `null` for a mere sign of life. */
  readonly heard: (sessions: ReadonlySet<string>, data: string | null) => void
  /** None could be had, or it broke off; another one is tried for later. */
  readonly failed: () => void
}

interface Stream {
  readonly abort: (reason: unknown) => void
  /** By the monotonic clock. */
  heardAt: number
}

/** Keeps one stream open: replaces what broke off or has fallen silent. */
export class KeptStream {
  readonly #options: KeptStreamOptions
  #stream: Stream | null = null

  constructor(options: KeptStreamOptions) {
    this.#options = options
  }

  /** Resolves when `signal` has aborted, and the stream is closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options.context
    for (let failures = 0; !signal.aborted; ) {
      const begun = runtime.now()
      const isRenewed = await this.#hear(signal)
      if (isRenewed || signal.aborted) continue
      if (runtime.now() - begun > LIVED_MS) failures = 0
      this.#options.failed()
      const delay = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** failures) * (0.75 + 0.5 * runtime.random())
      failures += 1
      await pause(runtime, delay, signal, true).catch(() => {})
    }
  }

  /** Opens it anew, with the sessions that there are now. Does nothing where the next one is only tried for. */
  renew(): void {
    this.#stream?.abort(RENEWED)
  }

  /** Resolves when the stream is over; to whether it was ended to open another one. */
  async #hear(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#options.whileParking(async (mayPark) => {
        if (mayPark && !signal.aborted) await this.#open(signal)
      })
      return false
    } catch (error) {
      return error === RENEWED
    } finally {
      this.#stream = null
    }
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { context, sessions, heard } = this.#options
    const { runtime, connection, closing } = context
    const carried = sessions()
    const body: SessionStreamRequest = { sessions: [...carried].map((session) => ({ session })) }
    const request: WireRequest = {
      method: 'POST',
      path: SESSION_PATHS.stream,
      body,
      authToken: connection.authToken,
    }
    const over = linkAborts([signal, closing])
    const stream: Stream = { abort: over.abort, heardAt: runtime.now() }
    this.#stream = stream
    const unwatch = this.#watch(stream)
    try {
      await runtime.openStream(request, {
        signal: over.signal,
        heard: (data) => {
          if (this.#stream !== stream) return
          stream.heardAt = runtime.now()
          heard(carried, data)
        },
      })
    } finally {
      unwatch()
      over.undo()
    }
  }

  /** Ends a stream that carries nothing any more. Returns the way to stop. */
  #watch(stream: Stream): CancelTimer {
    const { runtime } = this.#options.context
    const look = () => {
      const left = stream.heardAt + SILENT_MS - runtime.now()
      if (left <= 0) stream.abort(SILENT)
      else cancel = runtime.setTimer(look, left, true)
    }
    let cancel = runtime.setTimer(look, SILENT_MS, true)
    return () => cancel()
  }
}

/** Why a stream is ended that carries nothing any more. */
const SILENT = Symbol('silent')

/** Why a stream is ended that did nothing wrong. */
const RENEWED = Symbol('renewed')
