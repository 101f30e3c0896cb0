import { abandonable, linkAborts, onAbort } from '../core/async.ts'
import { NetworkError } from '../core/errors.ts'
import type { OpenStream } from '../core/ports.ts'
import { readResponse, requestInit } from './fetch-send.ts'
import { ServerSentEvents } from './server-sent-events.ts'

/** ms within which the server must begin to answer. */
const OPENING_TIMEOUT_MS = 10_000

/** Carries streams of server-sent events by `fetch`. */
export function fetchStream(baseUrl: string, own?: typeof fetch): OpenStream {
  const fetchFunction: typeof fetch = own ?? ((input, init) => fetch(input, init))
  return async (request, { signal, heard }) => {
    const abort = linkAborts([signal])
    const timer = setTimeout(() => abort.abort(new Error('it did not begin to answer')), OPENING_TIMEOUT_MS)
    try {
      const response = await fetchFunction(baseUrl + request.path, requestInit(request, abort.signal))
      clearTimeout(timer)
      const type = response.headers.get('content-type') ?? ''
      if (response.status !== 200 || !type.startsWith('text/event-stream') || response.body === null) {
        return await abandonable(readResponse(response), abort.signal)
      }
      heard(null)
      await readEvents(response.body, heard, abort.signal)
      signal.throwIfAborted()
      return null
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const reason = error instanceof Error ? error.message : String(error)
      throw new NetworkError(`The stream of ${baseUrl}${request.path} broke off: ${reason}`, false, { cause: error })
    } finally {
      clearTimeout(timer)
      // Ends a stream that was not read to its end, as when `heard` threw.
      abort.abort(null)
      abort.undo()
    }
  }
}

async function readEvents(
  body: ReadableStream<Uint8Array>,
  heard: (data: string | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder()
  const events = new ServerSentEvents(heard)
  // Safari before 27 cannot iterate a stream.
  const reader = body.getReader()
  // The signal of the request is not enough: Node forgets it once the request was collected as garbage.
  const stop = onAbort(signal, () => void reader.cancel().catch(() => {}))
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      events.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    stop()
    void reader.cancel().catch(() => {})
  }
}
