import { useEffect, useRef, useState } from 'react'
import { useStore } from 'zustand'
import type { Lease } from '../src/index.ts'
import { save, savedDocument } from './document-store.ts'

/** ms without a key press after which the text is saved. */
const SAVE_AFTER_MS = 1500

/** What somebody types while they hold the lock. */
export interface Draft {
  /** What to show: the draft of who edits, the saved document for everybody else. */
  readonly text: string
  readonly isSaved: boolean
  /** Text that was not saved when the lock was lost; `null` if there is none. */
  readonly kept: string | null
  readonly change: (text: string) => void
  /** Saves at once what is not saved yet. */
  readonly flush: () => void
  readonly discardKept: () => void
  /** Makes the kept text the draft. Only while the lock is held. */
  readonly restoreKept: () => void
}

/** The draft of `author`, saved under `lease`. Whatever is not saved when the lease ends is kept. */
export function useDraft(author: string, lease: Lease | null): Draft {
  const saved = useStore(savedDocument)
  const [typed, setTyped] = useState<string | null>(null)
  const [kept, setKept] = useState<string | null>(null)
  const latest = useRef<string | null>(null)

  const write = (text: string | null) => {
    latest.current = text
    setTyped(text)
  }
  const flush = () => {
    const text = latest.current
    if (text === null || lease?.state !== 'held') return
    if (save(text, author, lease.fencingToken)) write(null)
    else keep()
  }
  const keep = () => {
    if (latest.current !== null) setKept(latest.current)
    write(null)
  }

  // Each key press starts the wait again.
  useEffect(() => {
    if (typed === null) return
    const timer = setTimeout(flush, SAVE_AFTER_MS)
    return () => clearTimeout(timer)
  }, [typed, lease])

  // The signal aborts at the moment of a loss, before React renders it. A lease may also be released by others: the
  // devtools can do it.
  useEffect(() => {
    lease?.signal.addEventListener('abort', keep)
    return () => {
      lease?.signal.removeEventListener('abort', keep)
      keep()
    }
  }, [lease])

  return {
    text: typed ?? saved.text,
    isSaved: typed === null,
    kept,
    change: (text) => lease?.state === 'held' && write(text),
    flush,
    discardKept: () => setKept(null),
    restoreKept: () => {
      if (kept === null || lease?.state !== 'held') return
      write(kept)
      setKept(null)
    },
  }
}
