import { type ReactElement, useLayoutEffect, useRef } from 'react'
import { timeOfDay } from './format.ts'
import { Icon } from './icons.tsx'
import { isProblem, type LogFilter, type LogLine, logLines } from './log-filter.ts'
import { usePanel, usePanelState } from './panel-context.ts'
import { changeFilter } from './panel-state.ts'
import type { Row } from './rows.ts'
import type { TracedEvent } from './trace.ts'

/** px from the end of the log within which it counts as "at the newest line". */
const SLACK = 24

interface EventLogProps {
  readonly events: readonly TracedEvent[]
  readonly selected: Row | undefined
  /** Whether several clients are shown. */
  readonly labelled: boolean
}

/** What happened, newest last. It stays at the newest line until the user scrolls away from it. */
export function EventLog({ events, selected, labelled }: EventLogProps): ReactElement {
  const { store } = usePanel()
  const filter = usePanelState((state) => state.filter)
  const follows = usePanelState((state) => state.follows)
  const scroller = useRef<HTMLOListElement>(null)
  const lines = logLines(events, filter, selected)
  const newest = lines.at(-1)?.key

  // A new line is what it scrolls for.
  useLayoutEffect(() => {
    const element = scroller.current
    if (follows && element) element.scrollTop = element.scrollHeight
  }, [follows, newest])

  const onScroll = () => {
    const element = scroller.current
    if (!element) return
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < SLACK
    if (isAtEnd !== store.getState().follows) store.setState({ follows: isAtEnd })
  }

  return (
    <section className="log" aria-label="Event log">
      <LogBar filter={filter} selected={selected} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <ol className="lines" ref={scroller} onScroll={onScroll} tabIndex={0} aria-label="Events">
        {lines.length === 0 && <li className="muted">Nothing to show with these filters.</li>}
        {lines.map((line) => (
          <Line key={line.key} line={line} labelled={labelled} />
        ))}
      </ol>
      {!follows && (
        <button type="button" className="button log-newest" onClick={() => store.setState({ follows: true })}>
          <Icon name="down" /> Newest
        </button>
      )}
    </section>
  )
}

function Line({ line, labelled }: { line: LogLine; labelled: boolean }): ReactElement {
  return (
    <li className="line" data-tone={line.tone}>
      <time className="line-time">{timeOfDay(line.event.wall, true)}</time>
      {labelled && <span className="line-client">{line.source.label}</span>}
      <span className="line-name">{'name' in line.event ? line.event.name : ''}</span>
      <span className="line-what">
        {isProblem(line) && <Icon name={line.tone === 'bad' ? 'lost' : 'fault'} />} <strong>{line.word}</strong>{' '}
        {line.text}
      </span>
    </li>
  )
}

function LogBar({ filter, selected }: { filter: LogFilter; selected: Row | undefined }): ReactElement {
  const { store, trace } = usePanel()
  const toggle = (member: keyof LogFilter, label: string) => (
    <button
      type="button"
      className="button toggle"
      aria-pressed={filter[member]}
      onClick={() => changeFilter(store, { [member]: !filter[member] })}
    >
      {label}
    </button>
  )
  return (
    <div className="log-bar">
      <h2>Events</h2>
      {selected && toggle('selectedOnly', `Only ${selected.lock.name}`)}
      {toggle('problemsOnly', 'Problems')}
      {toggle('routine', 'Heartbeats')}
      <button type="button" className="button plain" onClick={trace.clear}>
        Clear
      </button>
    </div>
  )
}
