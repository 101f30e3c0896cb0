import { type KeyboardEvent, type ReactElement, useRef } from 'react'
import { countdown, personOf } from './format.ts'
import { StatusChip } from './icons.tsx'
import { useNow, usePanel } from './panel-context.ts'
import { type Row, summary } from './rows.ts'

const STEPS: Readonly<Record<string, (index: number, last: number) => number>> = {
  ArrowDown: (index, last) => Math.min(index + 1, last),
  ArrowUp: (index) => Math.max(index - 1, 0),
  Home: () => 0,
  End: (_index, last) => last,
}

/** The locks, one of which is selected; the arrow keys, Home and End move the selection and the focus with it. */
export function LockList({ rows, selected }: { rows: readonly Row[]; selected: Row | undefined }): ReactElement {
  const { store } = usePanel()
  const list = useRef<HTMLDivElement>(null)

  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (!step || !selected) return
    event.preventDefault()
    const next = step(rows.indexOf(selected), rows.length - 1)
    store.setState({ selected: rows[next]?.key ?? null })
    list.current?.querySelectorAll<HTMLElement>('[role=option]')[next]?.focus()
  }

  if (rows.length === 0) return <Empty />
  return (
    <div className="list" role="listbox" aria-label="Locks" ref={list}>
      {rows.map((row) => (
        <div
          key={row.key}
          className="row"
          role="option"
          aria-selected={row === selected}
          tabIndex={row === selected ? 0 : -1}
          data-status={row.status}
          onClick={() => store.setState({ selected: row.key })}
          onKeyDown={onKeyDown}
        >
          <span className="row-line">
            <strong className="row-name" title={row.lock.name}>
              {row.lock.name}
            </strong>
            <StatusChip status={row.status} />
          </span>
          <span className="row-line row-note">
            {row.lock.phase === 'held' ? <HeldNote row={row} /> : <span className="row-text">{summary(row)}</span>}
            {row.source.label && <span className="row-client">{row.source.label}</span>}
          </span>
        </div>
      ))}
    </div>
  )
}

/** How much of the lease is left, as a number and as a bar that drains. */
function HeldNote({ row }: { row: Row }): ReactElement {
  useNow(true)
  const { lock, source } = row
  const left = source.client.find(lock.id)?.peek() ?? 0
  const share = lock.leaseMs ? Math.min(1, left / lock.leaseMs) : 0
  return (
    <>
      <span className="row-text">
        <span role="timer">{countdown(left)}</span> left
        {lock.ending &&
          ` · ${lock.ending.reason === 'stolen' ? `${personOf(lock.ending.successor)} is next` : 'revoked'}`}
        {lock.paused && ' · heartbeats paused'}
      </span>
      <span className="drain" aria-hidden="true">
        <span style={{ transform: `scaleX(${share.toFixed(3)})` }} />
      </span>
    </>
  )
}

function Empty(): ReactElement {
  return (
    <div className="list empty">
      <p>No locks yet.</p>
      <p className="muted">A lock appears here when this page asks for it. What happened before is kept.</p>
    </div>
  )
}
