import { useCallback, useState, useSyncExternalStore } from 'react'
import { shallow } from 'zustand/vanilla/shallow'

/** Something to render that changes by itself. */
export interface Source<Value> {
  subscribe(listener: () => void): () => void
  /** The same object as long as nothing changed. */
  read(): Value
  /** What a server renders, and the client while it hydrates. */
  readServer(): Value
}

/**
 * Renders what `select` returns, and again only when that changes; compared by its members, so that it may be a fresh
 * object each time.
 */
export function useSelected<Value, Selected>(source: Source<Value>, select: (value: Value) => Selected): Selected {
  const [steady] = useState(makeSteady<Selected>)
  const read = useCallback(() => steady(select(source.read())), [steady, select, source])
  const readServer = useCallback(() => steady(select(source.readServer())), [steady, select, source])
  return useSyncExternalStore(source.subscribe, read, readServer)
}

/** Hands on the last value as long as the next ones equal it. Whichever render asked for it, an equal value will do. */
function makeSteady<Value>(): (value: Value) => Value {
  let last: { readonly value: Value } | null = null
  return (value) => {
    if (last !== null && shallow(last.value, value)) return last.value
    last = { value }
    return value
  }
}
