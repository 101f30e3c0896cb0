import { type RefObject, useEffect, useRef, useState } from 'react'
import { type UseLockResult, useLock, useLockStatus } from '../src/react/index.ts'
import { holderName, identity } from './holder.ts'
import { type Draft, useDraft } from './use-draft.ts'

/** The name of the lock: whoever holds it may write. */
export const DOCUMENT_LOCK = 'demo:document'

/** One person at the document. */
export interface DeskState {
  readonly lock: UseLockResult
  readonly draft: Draft
  /** What everybody can see of the document. */
  readonly seen: 'free' | 'held' | 'unknown'
  /** Who holds it, if it is not this person. */
  readonly holder: string
  /** The holder has been asked to hand over. */
  readonly isAsking: boolean
  readonly edit: () => void
  readonly takeOver: () => void
  /** Saves and lets go. */
  readonly finish: () => void
  /** Gives up waiting. */
  readonly stop: () => void
  readonly paper: RefObject<HTMLTextAreaElement | null>
}

export function useDesk(person: string): DeskState {
  const paper = useRef<HTMLTextAreaElement>(null)
  const lock = useLock(DOCUMENT_LOCK, {
    enabled: false,
    info: identity(person),
    onAcquired: () => startTyping(paper.current),
  })
  const { seen, other } = useLockStatus(DOCUMENT_LOCK, {
    select: ({ status, holder }) => ({ seen: status, other: holder }),
  })
  const draft = useDraft(person, lock.lease)
  const [asks, setAsks] = useState(false)

  // Who is about to hand over saves first, then with every key press: nothing is left to lose.
  useEffect(() => {
    if (lock.ending) draft.flush()
  }, [lock.ending, draft.text])

  return {
    lock,
    draft,
    seen,
    holder: holderName(lock.holder ?? other, person),
    isAsking: asks && (lock.status === 'acquiring' || lock.status === 'blocked'),
    edit: () => {
      setAsks(false)
      lock.acquire().catch(shownByStatus)
    },
    takeOver: () => {
      setAsks(true)
      lock.takeOver().catch(shownByStatus)
    },
    finish: () => {
      draft.flush()
      lock.release().catch(shownByStatus)
    },
    stop: () => void lock.release().catch(shownByStatus),
    paper,
  }
}

function shownByStatus(): void {}

/** Puts the cursor at the end of the text, unless the user is busy elsewhere: a turn may come late. */
function startTyping(paper: HTMLTextAreaElement | null): void {
  if (!paper?.closest('.desk')?.contains(document.activeElement)) return
  // It is still read-only until React has rendered.
  requestAnimationFrame(() => {
    paper.focus()
    paper.setSelectionRange(paper.value.length, paper.value.length)
  })
}
