import type { ServerClock } from '../clock.ts'

/** A request that met an error of the server's own. */
export interface Failure {
  /** What the reply calls it, so that the line in the log can be found: `urn:lockable:request:…`. */
  readonly instance: string
  /** What was asked for: the method, and the pattern of the path. */
  readonly request: string
}

/** Takes an error that is the server's own, and names it. */
export type Report = (error: unknown, request: string) => string

/** Names errors and passes them on to `onError`. The names of two processes differ unless they started together. */
export function createReport(clock: ServerClock, onError: (error: unknown, failure: Failure) => void): Report {
  const start = clock.wall().toString(36)
  let count = 0
  return (error, request) => {
    count += 1
    const instance = `urn:lockable:request:${start}-${count}`
    onError(error, { instance, request })
    return instance
  }
}
