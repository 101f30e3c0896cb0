import { describeEvent, type EventLine } from './describe-event.ts'
import type { Row } from './rows.ts'
import type { TracedEvent } from './trace.ts'

/** How many lines the log shows; the newest ones. */
export const MAX_LINES = 300

/** What the log shows. */
export interface LogFilter {
  /** Only the lock that is selected. */
  readonly selectedOnly: boolean
  /** Also what is routine: heartbeats that go well, requests, ticks of the worker. */
  readonly routine: boolean
  /** Only what went wrong. */
  readonly problemsOnly: boolean
}

/** A line of the log. */
export interface LogLine extends EventLine, TracedEvent {
  /** Unique in the panel. */
  readonly key: string
}

/** The newest lines that pass `filter`, oldest first. */
export function logLines(events: readonly TracedEvent[], filter: LogFilter, selected: Row | undefined): LogLine[] {
  const lines: LogLine[] = []
  const said = new Map<string, string>()
  for (const traced of events) {
    const line = describeEvent(traced.event)
    const isRoutine = line.tone === 'quiet' || isRepeated(said, traced, line)
    if (filter.selectedOnly && selected && !concerns(traced, selected)) continue
    if (filter.problemsOnly ? !isProblem(line) : isRoutine && !filter.routine) continue
    lines.push({ ...line, ...traced, key: `${traced.source.label}:${traced.event.seq}` })
  }
  return lines.slice(-MAX_LINES)
}

/** Who waits is told its place again and again; once is news. Notes in `said` what was told of each lock last. */
function isRepeated(said: Map<string, string>, { source, event }: TracedEvent, { text }: EventLine): boolean {
  if (!('lock' in event) || event.type === 'acquire.sent') return false
  const key = `${source.label}:${event.lock}`
  const news = `${event.type} ${text}`
  const isAgain = event.type === 'acquire.waiting' && said.get(key) === news
  said.set(key, news)
  return isAgain
}

/** Whether a line tells of something that went wrong. */
export function isProblem({ tone }: EventLine): boolean {
  return tone === 'bad' || tone === 'warn'
}

/** An event of the selected lock, or one that concerns every lock of its client. */
function concerns({ source, event }: TracedEvent, { source: client, lock }: Row): boolean {
  if (source !== client) return false
  if ('lock' in event) return event.lock === lock.id
  return !('name' in event) || event.name === lock.name
}
