import type { TracedEvent } from './trace.ts'

/** A heartbeat that did not renew its lease. */
export interface HeartbeatProblem {
  readonly key: number
  readonly wall: number
  /** Why, in words. */
  readonly text: string
}

/** The heartbeats among `events` (of one lock) that failed or were refused, oldest first. */
export function heartbeatProblems(events: readonly TracedEvent[]): readonly HeartbeatProblem[] {
  return events.flatMap(({ event }) => {
    if (event.type === 'heartbeat.failed') return { key: event.seq, wall: event.wall, text: event.error.message }
    if (event.type === 'heartbeat.refused') {
      return { key: event.seq, wall: event.wall, text: `The server refused it: ${event.reason}.` }
    }
    return []
  })
}
