import type { ReactElement } from 'react'
import { type UseLockResult, useLeaseCountdown } from '../src/react/index.ts'
import { nameOf } from './holder.ts'

interface DeskNoticeProps {
  readonly lock: UseLockResult
  readonly onHandOver: () => void
}

/** What this person must know at once: somebody wants to take over, the connection is bad, the lock is gone. */
export function DeskNotice({ lock, onHandOver }: DeskNoticeProps): ReactElement | null {
  if (lock.status === 'held' && lock.ending) return <Ending lock={lock} onHandOver={onHandOver} />
  if (lock.status === 'held' && lock.health !== 'ok') {
    return (
      <div className="notice" data-tone="warn">
        <p>
          {lock.health === 'offline' ? 'The lock server cannot be reached.' : 'The last heartbeat is overdue.'} You can
          go on while the clock runs. Your text is kept.
        </p>
      </div>
    )
  }
  if (lock.status === 'lost') {
    return (
      <div className="notice" data-tone="bad" role="alert">
        <p>
          <strong>You no longer hold the document.</strong> {lock.loss.sentence}
        </p>
      </div>
    )
  }
  if (lock.status === 'failed') {
    return (
      <div className="notice" data-tone="bad" role="alert">
        <p>{lock.error.message}</p>
      </div>
    )
  }
  return null
}

function Ending({
  lock,
  onHandOver,
}: {
  lock: UseLockResult & { status: 'held' }
  onHandOver: () => void
}): ReactElement {
  const left = useLeaseCountdown(lock.name, { every: 250 })
  return (
    <div className="notice" data-tone="warn" role="alert">
      <p>
        <strong>{nameOf(lock.ending?.successor)} asks to take over.</strong> Your text is saved as you type; it is their
        turn in <span className="number">{Math.ceil((left ?? 0) / 1000)}</span> s.
      </p>
      <button type="button" className="button" onClick={onHandOver}>
        Hand over now
      </button>
    </div>
  )
}
