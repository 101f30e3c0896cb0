import { type ReactElement, useId } from 'react'
import { Avatar, hueOf } from './avatar.tsx'
import { DeskActions } from './desk-actions.tsx'
import { DeskNotice } from './desk-notice.tsx'
import { KeptText } from './kept-text.tsx'
import { LeaseClock } from './lease-clock.tsx'
import { moodOf, situationOf } from './situation.ts'
import { type DeskState, DOCUMENT_LOCK, useDesk } from './use-desk.ts'

interface DeskProps {
  readonly person: string
  /** Says where this desk is, and what can be done with it. */
  readonly aside: ReactElement
}

/** One person at the document: they read it always, and write while they hold its lock. */
export function Desk({ person, aside }: DeskProps): ReactElement {
  const desk = useDesk(person)
  const { lock, draft } = desk
  const id = useId()
  return (
    <article className="desk" style={hueOf(person)} data-status={lock.status} aria-labelledby={id}>
      <header className="desk-head">
        <Avatar name={person} />
        <h3 id={id}>{person}</h3>
        {aside}
      </header>
      <p className="situation" data-mood={moodOf(desk)}>
        <span role="status">{situationOf(desk)}</span>
        {lock.isHeld && <LeaseClock name={DOCUMENT_LOCK} />}
      </p>
      <DeskNotice desk={desk} />
      <KeptText desk={desk} />
      <textarea
        ref={desk.paper}
        aria-label={`The document, as ${person} sees it`}
        value={draft.text}
        readOnly={!lock.isHeld}
        spellCheck={false}
        onChange={(event) => draft.change(event.target.value)}
      />
      <footer className="desk-foot">
        <DeskActions desk={desk} />
        <SaveState desk={desk} />
      </footer>
    </article>
  )
}

function SaveState({ desk: { lock, draft } }: { desk: DeskState }): ReactElement | null {
  if (!lock.isHeld) return null
  return (
    <span className="save-state">
      {draft.isSaved ? 'Saved' : 'Not saved yet'}
      {lock.lease.fencingToken !== null && (
        <span className="token" title="The fencing token of this lease. The document refuses every older one.">
          token <b>{lock.lease.fencingToken}</b>
        </span>
      )}
    </span>
  )
}
