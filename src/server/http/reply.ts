import { PROBLEM_MEDIA_TYPE, PROBLEMS } from '../../protocol/problems.ts'
import { StoreUnavailableError } from '../store.ts'
import { ProblemError } from './problem-error.ts'

/** What every reply has. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
}

/** `body` as a reply that nobody may keep. */
export function jsonReply(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { ...COMMON_HEADERS, 'Content-Type': 'application/json' } })
}

/** The reply for whatever was thrown; what is none of our own errors is told to `onError` and not to the client. */
export function errorReply(error: unknown, onError: (error: unknown) => void): Response {
  if (error instanceof ProblemError) return problemReply(error)
  if (error instanceof StoreUnavailableError) {
    return problemReply(
      new ProblemError('unavailable', 'The store did not answer, so the outcome is unknown: ask again.', {
        'Retry-After': '1',
      }),
    )
  }
  onError(error)
  return problemReply(new ProblemError('internal', 'The server met an error of its own; its log says more.'))
}

/** `problem` as a reply. */
export function problemReply({ code, document, headers }: ProblemError): Response {
  return new Response(JSON.stringify(document), {
    status: PROBLEMS[code].status,
    headers: { ...COMMON_HEADERS, 'Content-Type': PROBLEM_MEDIA_TYPE, ...headers },
  })
}
