import type { ReactElement } from 'react'
import { LockProvider } from '../src/react/index.ts'
import { clientOf } from './clients.ts'
import { Desk } from './desk.tsx'
import { addressOf } from './people.ts'

interface DocumentSceneProps {
  readonly person: string
  /** Who sits beside `person` in this tab; `null` for nobody. */
  readonly companion: string | null
  /** Who would sit there. */
  readonly candidate: string
  readonly onCompanion: (name: string | null) => void
}

/** A document, and one or two people at it in this tab. */
export function DocumentScene({ person, companion, candidate, onCompanion }: DocumentSceneProps): ReactElement {
  return (
    <div className="desks">
      <LockProvider client={clientOf(person)} key={person}>
        <Desk person={person} aside={<span className="desk-where">you, in this tab</span>} />
      </LockProvider>
      {companion === null ? (
        <div className="empty-desk">
          <p>Nobody else sits in this tab.</p>
          <button type="button" className="button" onClick={() => onCompanion(candidate)}>
            Seat {candidate} here
          </button>
          <a className="button" href={addressOf(candidate)} target="_blank" rel="noreferrer">
            Open as {candidate} in a new tab
          </a>
        </div>
      ) : (
        <LockProvider client={clientOf(companion)} key={companion}>
          <Desk person={companion} aside={<MoveOut name={companion} onMove={() => onCompanion(null)} />} />
        </LockProvider>
      )}
    </div>
  )
}

function MoveOut({ name, onMove }: { name: string; onMove: () => void }): ReactElement {
  return (
    <a className="desk-where" href={addressOf(name)} target="_blank" rel="noreferrer" onClick={onMove}>
      Open as {name} in a new tab
    </a>
  )
}
