import { PROBLEM_MEDIA_TYPE, PROBLEMS } from '../../protocol/problems.ts'
import { StoreUnavailableError } from '../store.ts'
import { ProblemError } from './problem-error.ts'

/** What every reply has. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
}

/** `body` as a reply that nobody may keep. */
export function jsonReply(body: object, status: number = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...COMMON_HEADERS, 'Content-Type': 'application/json' },
  })
}

/** `text` as a reply that nobody may keep. */
export function textReply(text: string, contentType: string): Response {
  return new Response(text, { headers: { ...COMMON_HEADERS, 'Content-Type': contentType } })
}

/**
 * The reply for whatever was thrown. What is none of our own errors is told to `report` and not to the client, which gets
 * the name that it is reported by.
 */
export function errorReply(error: unknown, report: (error: unknown) => string): Response {
  if (error instanceof ProblemError) return problemReply(error)
  if (error instanceof StoreUnavailableError) {
    return problemReply(
      new ProblemError('unavailable', 'The store did not answer, so the outcome is unknown: ask again.', {
        'Retry-After': '1',
      }),
    )
  }
  const instance = report(error)
  return problemReply(new ProblemError('internal', 'The server met an error of its own; its log says more.'), instance)
}

/** `problem` as a reply; `instance` is what the log calls it. */
export function problemReply({ code, document, headers }: ProblemError, instance?: string): Response {
  return new Response(JSON.stringify(instance === undefined ? document : { ...document, instance }), {
    status: PROBLEMS[code].status,
    headers: { ...COMMON_HEADERS, 'Content-Type': PROBLEM_MEDIA_TYPE, ...headers },
  })
}
