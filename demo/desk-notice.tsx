import type { ReactElement, ReactNode } from 'react'
import { useLeaseCountdown } from '../src/react/index.ts'
import { nameOf } from './holder.ts'
import { type DeskState, DOCUMENT_LOCK } from './use-desk.ts'

/** What this person must know at once: somebody wants to take over, the connection is bad, the lock is gone. */
export function DeskNotice({ desk }: { desk: DeskState }): ReactElement | null {
  const { lock, holder, seen } = desk
  if (lock.ending) return <Ending successor={nameOf(lock.ending.successor)} onHandOver={desk.finish} />
  if (lock.status === 'held' && lock.health !== 'ok') {
    return (
      <Notice tone="warn">
        {lock.health === 'offline' ? 'The lock server cannot be reached.' : 'The last heartbeat is overdue.'} You can go
        on while the clock runs. Your text is kept.
      </Notice>
    )
  }
  if (lock.loss?.cause === 'taken-over') {
    return (
      <Notice tone="warn">
        <strong>{seen === 'held' ? holder : 'Somebody'} took over.</strong> What you wrote until then was saved.
      </Notice>
    )
  }
  if (lock.loss) {
    return (
      <Notice tone="bad">
        <strong>You no longer hold the document.</strong> {lock.loss.sentence}
      </Notice>
    )
  }
  return lock.error && <Notice tone="bad">{lock.error.message}</Notice>
}

function Notice({ tone, children }: { tone: 'warn' | 'bad'; children: ReactNode }): ReactElement {
  return (
    <div className="notice" data-tone={tone} role="alert">
      <p>{children}</p>
    </div>
  )
}

function Ending({ successor, onHandOver }: { successor: string; onHandOver: () => void }): ReactElement {
  const left = useLeaseCountdown(DOCUMENT_LOCK, { every: 250 })
  return (
    <div className="notice" data-tone="warn">
      <p>
        <strong role="alert">{successor} asks to take over.</strong> Your text is saved as you type; it is their turn in{' '}
        <span className="number">{Math.ceil((left ?? 0) / 1000)}</span> s.
      </p>
      <button type="button" className="button" onClick={onHandOver}>
        Hand over now
      </button>
    </div>
  )
}
