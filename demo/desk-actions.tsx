import type { MouseEvent, ReactElement } from 'react'
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

/** What this person can do now. The first button is one element whatever it says, so that the focus stays on it. */
export function DeskActions(props: DeskActionsProps): ReactElement {
  const { lock, isFree, isAsking, onTakeOver } = props
  const isWaiting = lock.status === 'acquiring' || lock.status === 'blocked'
  const canTakeOver = !lock.isHeld && !isFree && !isAsking
  const [label, act] = firstAction(props)
  // The second click of a double click would undo the first one.
  const onClick = (event: MouseEvent) => event.detail <= 1 && act()
  return (
    <div className="buttons">
      <button type="button" className={isWaiting ? 'button' : 'button primary'} onClick={onClick}>
        {label}
      </button>
      {canTakeOver && (
        <button type="button" className={isWaiting ? 'button primary' : 'button'} onClick={onTakeOver}>
          Ask to take over
        </button>
      )}
    </div>
  )
}

function firstAction({ lock, isFree, onEdit, onDone }: DeskActionsProps): [string, () => void] {
  switch (lock.status) {
    case 'held':
      return ['Done', onDone]
    case 'acquiring':
    case 'blocked':
      return ['Stop waiting', () => void lock.release().catch(() => {})]
    case 'idle':
      return [isFree ? 'Edit' : 'Wait in line', onEdit]
    default:
      return [isFree ? 'Edit again' : 'Wait in line', onEdit]
  }
}
