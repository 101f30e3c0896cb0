import { createStore } from 'zustand/vanilla'

/** The document as it was saved last. */
export interface SavedDocument {
  readonly text: string
  /** Who saved it; empty for nobody yet. */
  readonly author: string
  /** The fencing token that it was saved with. */
  readonly token: number
  /** Wall-clock ms. */
  readonly savedAt: number
}

const KEY = 'lockable-demo:document'

const FIRST: SavedDocument = {
  text: `Minutes, 23 November

Alice brought cake. Bob wants to write that it was dry.
Only one of them can write at a time.`,
  author: '',
  token: 0,
  savedAt: 0,
}

/**
 * The document, which all tabs of this browser share. It stands for the database behind a real application, and like
 * that it refuses a writer with an older fencing token than the last one: a lock alone cannot stop a write that was
 * on its way when the lock was lost.
 */
export const savedDocument = createStore<SavedDocument>(read)

function read(): SavedDocument {
  try {
    const { text, author, token, savedAt }: Partial<SavedDocument> = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    if (typeof text !== 'string') return FIRST
    return { text, author: author ?? '', token: token ?? 0, savedAt: savedAt ?? 0 }
  } catch {
    return FIRST
  }
}

// Told in the other tabs only; in this one the store was changed directly.
addEventListener('storage', ({ key }) => {
  if (key === KEY) savedDocument.setState(read(), true)
})

/** Saves `text`. @returns `false` if somebody with a newer token has written since. */
export function save(text: string, author: string, token: number | null): boolean {
  const last = read()
  if (token !== null && token < last.token) return false
  const next = { text, author, token: token ?? last.token, savedAt: Date.now() }
  savedDocument.setState(next, true)
  try {
    localStorage.setItem(KEY, JSON.stringify(next))
  } catch {
    // Without storage the document lives in this tab alone.
  }
  return true
}
