import { abandonable, linkAborts } from '../core/async.ts'
import { NetworkError } from '../core/errors.ts'
import type { Send, WireReply, WireRequest } from '../core/ports.ts'

/** Carries requests by `fetch`. */
export function fetchSend(baseUrl: string, own?: typeof fetch): Send {
  // Looked up at each call, so that a fetch that is instrumented later is used.
  const fetchFunction: typeof fetch = own ?? ((input, init) => fetch(input, init))
  return async (request, { timeoutMs, signal, keepalive = false }) => {
    const abort = linkAborts([signal])
    const timer = setTimeout(() => abort.abort(TIMED_OUT), timeoutMs)
    try {
      // Nothing is awaited before this call: a page that is about to go gets to make it, but no further.
      const response = await fetchFunction(baseUrl + request.path, {
        ...requestInit(request, abort.signal),
        ...(keepalive ? { keepalive } : {}),
      })
      // Node forgets to abort a body once its request was collected as garbage (undici keeps only a weak reference).
      return await abandonable(readResponse(response), abort.signal)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw networkError(baseUrl, request, timeoutMs, abort.signal.reason === TIMED_OUT, error)
    } finally {
      clearTimeout(timer)
      abort.undo()
    }
  }
}

/** How a request goes out, whatever its reply is. */
export function requestInit(request: WireRequest, signal: AbortSignal): RequestInit {
  return {
    method: request.method,
    headers: headers(request),
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    signal,
    cache: 'no-store',
    credentials: 'omit',
    // A redirected POST becomes a GET, which is another dialect.
    redirect: 'error',
  }
}

const TIMED_OUT = Symbol('timed out')

function headers({ authToken, body, isPlain = false }: WireRequest): Record<string, string> {
  return {
    ...(authToken === null ? {} : { authorization: `Basic ${base64(`${authToken}:`)}` }),
    ...(body === undefined ? {} : { 'content-type': isPlain ? 'text/plain' : 'application/json' }),
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

/** The reply with its whole body. */
export async function readResponse(response: Response): Promise<WireReply> {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: await readText(response),
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null,
  }
}

/** In Firefox `text()` of a worker needs the page's thread, which may be blocked; a reader does not. */
async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return response.text()
  const decoder = new TextDecoder()
  for (let text = ''; ; ) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    text += decoder.decode(value, { stream: true })
  }
}

function networkError(baseUrl: string, request: WireRequest, timeoutMs: number, timedOut: boolean, error: unknown) {
  const asked = `${request.method} ${baseUrl}${request.path}`
  if (timedOut) {
    return new NetworkError(`No answer to ${asked} within ${Math.round(timeoutMs)} ms.`, true, { cause: error })
  }
  const reason = reasonOf(error)
  return new NetworkError(
    `No answer to ${asked}: ${reason}. Is the lock server running there, and the url right?`,
    false,
    {
      cause: error,
    },
  )
}

/** Node says only "fetch failed" and hides the reason in the cause, sometimes in several of them. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  const causes = cause instanceof AggregateError ? cause.errors : [cause]
  const reasons = causes.map((each) => (each instanceof Error ? each.message : '')).filter(Boolean)
  return [error.message, ...reasons].join(': ')
}
