import type { ReactElement } from 'react'
import type { UseLockResult } from '../src/react/index.ts'

interface DeskActionsProps {
  readonly lock: UseLockResult
  /** Nobody is known to hold. */
  readonly isFree: boolean
  /** The holder has been asked to hand over. */
  readonly isAsking: boolean
  readonly onEdit: () => void
  readonly onTakeOver: () => void
  readonly onDone: () => void
}

/** What this person can do now. */
export function DeskActions(props: DeskActionsProps): ReactElement {
  const { lock, isFree, isAsking, onEdit, onTakeOver, onDone } = props
  const stop = () => void lock.release().catch(() => {})
  switch (lock.status) {
    case 'held':
      return (
        <button type="button" className="button primary" onClick={onDone}>
          Done
        </button>
      )
    case 'acquiring':
    case 'blocked':
      return (
        <div className="buttons">
          {!isAsking && lock.status === 'blocked' && (
            <button type="button" className="button primary" onClick={onTakeOver}>
              Ask to take over
            </button>
          )}
          <button type="button" className="button" onClick={stop}>
            Stop waiting
          </button>
        </div>
      )
    default:
      return (
        <div className="buttons">
          <button type="button" className="button primary" onClick={onEdit}>
            {editLabel(lock, isFree)}
          </button>
          {!isFree && (
            <button type="button" className="button" onClick={onTakeOver}>
              Ask to take over
            </button>
          )}
        </div>
      )
  }
}

function editLabel({ status }: UseLockResult, isFree: boolean): string {
  if (!isFree) return 'Wait in line'
  return status === 'lost' || status === 'failed' ? 'Edit again' : 'Edit'
}
