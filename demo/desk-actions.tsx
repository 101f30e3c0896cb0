import type { MouseEvent, ReactElement } from 'react'
import type { DeskState } from './use-desk.ts'

/** What this person can do now. The first button is one element whatever it says, so that the focus stays on it. */
export function DeskActions({ desk }: { desk: DeskState }): ReactElement {
  const { lock, seen, isAsking, takeOver } = desk
  const isWaiting = lock.status === 'acquiring' || lock.status === 'blocked'
  const canTakeOver = !lock.isHeld && seen === 'held' && !isAsking
  const [label, act] = firstAction(desk)
  // The second click of a double click would undo the first one.
  const onClick = (event: MouseEvent) => event.detail <= 1 && act()
  return (
    <div className="buttons">
      <button type="button" className={isWaiting ? 'button' : 'button primary'} onClick={onClick}>
        {label}
      </button>
      {canTakeOver && (
        <button type="button" className={isWaiting ? 'button primary' : 'button'} onClick={takeOver}>
          Ask to take over
        </button>
      )}
    </div>
  )
}

function firstAction({ lock, seen, edit, finish, stop }: DeskState): [string, () => void] {
  if (lock.status === 'held') return ['Done', finish]
  if (lock.status === 'acquiring' || lock.status === 'blocked') return ['Stop waiting', stop]
  if (seen === 'held') return ['Wait in line', edit]
  return [lock.status === 'idle' ? 'Edit' : 'Edit again', edit]
}
