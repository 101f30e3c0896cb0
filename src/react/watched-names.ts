import type { Lockable } from '../index.ts'

/** A name that components watch. */
interface WatchedName {
  readonly listeners: Set<() => void>
  /** The server has said something since they do. */
  isKnown: boolean
  readonly stop: () => void
}

const watched = new WeakMap<Lockable, Map<string, WatchedName>>()

/**
 * Keeps the client looking at `name` until it is undone, and calls `listener` when the server has said something. It
 * stops one macrotask later, so that a component which comes back in between costs no request.
 *
 * @throws InvalidArgumentError for a name that no lock can have.
 */
export function watchName(client: Lockable, name: string, listener: () => void): () => void {
  const ofClient = watched.get(client) ?? new Map<string, WatchedName>()
  watched.set(client, ofClient)
  const entry = ofClient.get(name) ?? begin(client, name, ofClient)
  entry.listeners.add(listener)
  return () => {
    setTimeout(() => {
      if (!entry.listeners.delete(listener) || entry.listeners.size > 0) return
      ofClient.delete(name)
      entry.stop()
    }, 0)
  }
}

/** Whether what the store has of `name` is of now, and not of an earlier watch. */
export function isWatchKnown(client: Lockable, name: string): boolean {
  return watched.get(client)?.get(name)?.isKnown ?? false
}

function begin(client: Lockable, name: string, ofClient: Map<string, WatchedName>): WatchedName {
  const listeners = new Set<() => void>()
  const entry: WatchedName = {
    listeners,
    isKnown: false,
    stop: client.watch([name], () => {
      entry.isKnown = true
      for (const listener of [...listeners]) listener()
    }),
  }
  ofClient.set(name, entry)
  return entry
}
