import type { ReactElement } from 'react'
import type { Lock } from '../index.ts'
import { Icon } from './icons.tsx'
import { usePanel } from './panel-context.ts'
import { dismiss } from './panel-state.ts'
import { dismissal, isOver, type Row } from './rows.ts'

/** What can be done to a lock from here. It is done by the page's own client, so that the page notices it as usual. */
export function LockActions({ row }: { row: Row }): ReactElement | null {
  const { store } = usePanel()
  const { source, lock } = row
  const live = source.client.find(lock.id)
  const isHeld = lock.phase === 'held'
  // Who waits is told so by its own `acquire()`, which only its caller can give up.
  if (!isHeld && !isOver(row)) return null
  return (
    <div className="actions">
      {isOver(row) && (
        <button type="button" className="button" disabled={!live} onClick={() => live && acquire(live)}>
          Acquire
        </button>
      )}
      {isHeld && (
        <button type="button" className="button" disabled={!live} onClick={() => void live?.release()}>
          Release
        </button>
      )}
      {isHeld && (
        <button
          type="button"
          className="button"
          data-tone="warn"
          aria-pressed={lock.paused}
          onClick={() => source.client.pauseHeartbeats(lock.id, !lock.paused)}
        >
          <Icon name="fault" />
          {lock.paused ? 'Heartbeats paused' : 'Pause heartbeats'}
        </button>
      )}
      {isOver(row) && (
        <button type="button" className="button" onClick={() => dismiss(store, dismissal(row))}>
          Dismiss
        </button>
      )}
      {!live && <p className="muted">The page no longer uses this lock.</p>}
    </div>
  )
}

function acquire(lock: Lock): void {
  // The log and the list show how it ended.
  lock.acquire().catch(() => {})
}
