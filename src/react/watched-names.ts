import type { Lockable } from '../index.ts'

/** A name that components watch. */
interface WatchedName {
  watchers: number
  readonly listeners: Set<() => void>
  /** The server has said something since they do. */
  isKnown: boolean
  stop: () => void
}

const watched = new WeakMap<Lockable, Map<string, WatchedName>>()

/**
 * Keeps `client` looking at `name` until it is undone, and calls `listener` when the server has said something. The
 * watch ends one macrotask later, so that a component which comes back in between costs no request.
 *
 * @throws InvalidArgumentError for a name that no lock can have.
 */
export function watchName(client: Lockable, name: string, listener: () => void): () => void {
  const names = watched.get(client) ?? new Map<string, WatchedName>()
  watched.set(client, names)
  const entry = names.get(name) ?? begin(client, name, names)
  const own = () => listener()
  entry.listeners.add(own)
  entry.watchers += 1
  return () => {
    entry.listeners.delete(own)
    setTimeout(() => {
      entry.watchers -= 1
      if (entry.watchers > 0) return
      names.delete(name)
      entry.stop()
    }, 0)
  }
}

/** Whether what the store has of `name` is of now, and not left over from an earlier watch. */
export function isWatchKnown(client: Lockable, name: string): boolean {
  return watched.get(client)?.get(name)?.isKnown ?? false
}

function begin(client: Lockable, name: string, names: Map<string, WatchedName>): WatchedName {
  const entry: WatchedName = { watchers: 0, listeners: new Set(), isKnown: false, stop: () => {} }
  entry.stop = client.watch([name], () => {
    entry.isKnown = true
    for (const listener of [...entry.listeners]) listener()
  })
  names.set(name, entry)
  return entry
}
