import { type ReactElement, useEffect, useId, useRef, useState } from 'react'
import { type UseLockResult, useLock, useLockStatus } from '../src/react/index.ts'
import { Avatar, hueOf } from './avatar.tsx'
import { LEASE_MS } from './clients.ts'
import { DeskActions } from './desk-actions.tsx'
import { DeskNotice } from './desk-notice.tsx'
import { holderName, identity } from './holder.ts'
import { KeptText } from './kept-text.tsx'
import { LeaseClock } from './lease-clock.tsx'
import { useDraft } from './use-draft.ts'

/** The name of the lock: whoever holds it may write. */
export const DOCUMENT_LOCK = 'demo:document'

interface DeskProps {
  readonly person: string
  /** Says where this desk is, and what can be done with it. */
  readonly aside: ReactElement
}

/** One person at the document: they read it always, and write while they hold its lock. */
export function Desk({ person, aside }: DeskProps): ReactElement {
  const paper = useRef<HTMLTextAreaElement>(null)
  const lock = useLock(DOCUMENT_LOCK, {
    enabled: false,
    info: identity(person),
    onAcquired: () => startTyping(paper.current),
  })
  const others = useLockStatus(DOCUMENT_LOCK, { select: ({ status, holder }) => ({ status, holder }) })
  const draft = useDraft(person, lock.lease)
  const [asks, setAsks] = useState(false)
  const id = useId()
  const isAsking = asks && (lock.status === 'acquiring' || lock.status === 'blocked')

  // Who is about to hand over saves first, then with every key press: nothing is left to lose.
  useEffect(() => {
    if (lock.ending) draft.flush()
  }, [lock.ending, draft.text])

  const takeOver = () => {
    setAsks(true)
    lock.takeOver().catch(() => {})
  }
  const edit = () => {
    setAsks(false)
    lock.acquire().catch(() => {})
  }
  const finish = () => {
    draft.flush()
    lock.release().catch(() => {})
  }
  const holder = lock.status === 'blocked' ? lock.holder : others.holder
  const situation = situationOf(lock, others.status, holderName(holder, person), isAsking)
  return (
    <article className="desk" style={hueOf(person)} data-status={lock.status} aria-labelledby={id}>
      <header className="desk-head">
        <Avatar name={person} />
        <h3 id={id}>{person}</h3>
        {aside}
      </header>
      <p className="situation" role="status" data-status={lock.ending ? 'ending' : lock.status}>
        <span>{situation}</span>
        {lock.isHeld && <LeaseClock name={DOCUMENT_LOCK} />}
      </p>
      <DeskNotice lock={lock} onHandOver={finish} />
      <KeptText draft={draft} isHeld={lock.isHeld} onEdit={edit} />
      <textarea
        ref={paper}
        aria-label={`The document, as ${person} sees it`}
        value={draft.text}
        readOnly={!lock.isHeld}
        spellCheck={false}
        onChange={(event) => draft.change(event.target.value)}
      />
      <footer className="desk-foot">
        <DeskActions
          lock={lock}
          isFree={others.status !== 'held'}
          isAsking={isAsking}
          onEdit={edit}
          onTakeOver={takeOver}
          onDone={finish}
        />
        <SaveState lock={lock} isSaved={draft.isSaved} />
      </footer>
    </article>
  )
}

/** Puts the cursor at the end of the text, unless the user is busy elsewhere: a turn may come late. */
function startTyping(paper: HTMLTextAreaElement | null): void {
  if (!paper?.closest('.desk')?.contains(document.activeElement)) return
  // It is still read-only until React has rendered.
  requestAnimationFrame(() => {
    paper.focus()
    paper.setSelectionRange(paper.value.length, paper.value.length)
  })
}

/** Where this person stands, in one sentence. */
function situationOf(
  lock: UseLockResult,
  others: 'free' | 'held' | 'unknown',
  holder: string,
  isAsking: boolean,
): string {
  switch (lock.status) {
    case 'held':
      return lock.ending ? 'You are still editing' : 'You are editing'
    case 'acquiring':
    case 'blocked':
      if (others !== 'held' && lock.status === 'acquiring') return 'Asking for the document…'
      if (isAsking) return `${holder} has been asked: your turn within ${LEASE_MS / 1000} s.`
      return `${holder} is editing. ${turn(lock.position)}`
    case 'lost':
      return 'You were editing'
    case 'failed':
      return 'Not editing'
    default:
      return others === 'held' ? `${holder} is editing.` : others === 'free' ? 'Nobody is editing.' : 'Reading'
  }
}

function turn(position: number | null): string {
  if (position === null) return 'You are waiting.'
  return position === 1 ? 'You are next.' : `${position - 1} before you.`
}

function SaveState({ lock, isSaved }: { lock: UseLockResult; isSaved: boolean }): ReactElement | null {
  if (!lock.isHeld) return null
  return (
    <span className="save-state">
      {isSaved ? 'Saved' : 'Not saved yet'}
      {lock.lease.fencingToken !== null && (
        <span className="token" title="The fencing token of this lease. The document refuses every older one.">
          token <b>{lock.lease.fencingToken}</b>
        </span>
      )}
    </span>
  )
}
