import type { Lockable, LockableEvent } from '../index.ts'
import { fold, initialState, type LockSnapshot, type LockStoreState } from '../store/index.ts'

/** How many events the panel keeps. Of what was before it opened, the client keeps what tells where each lock is. */
const MAX_EVENTS = 1000
/** How many locks of one client it keeps. */
const MAX_LOCKS = 200

/** One client that the panel shows. */
export interface Source {
  readonly client: Lockable
  /** What to call it where several clients are shown; empty for the only one. */
  readonly label: string
}

/** An event, and the client where it happened. */
export interface TracedEvent {
  readonly source: Source
  readonly event: LockableEvent
}

/** What is known of one client. */
export interface TracedClient {
  readonly source: Source
  readonly state: LockStoreState
  /** By the id of the `Lock`, in the order of their first appearance; also those that were released. */
  readonly locks: ReadonlyMap<string, LockSnapshot>
}

/** What the panel knows: replaced as a whole, at most once a frame. */
export interface TraceState {
  /** Oldest first; those of several clients in the order in which they happened. */
  readonly events: readonly TracedEvent[]
  /** Where the locks of each client are, in the order of the sources. */
  readonly clients: readonly TracedClient[]
}

/** A running record of some clients. */
export interface Trace {
  readonly getState: () => TraceState
  readonly subscribe: (listener: () => void) => () => void
  /** Empties the log; where the locks are is kept. */
  readonly clear: () => void
}

/** Runs `flush` before the next frame; returns the way to cancel it. */
export type Schedule = (flush: () => void) => () => void

const nextFrame: Schedule = (flush) => {
  const handle = requestAnimationFrame(flush)
  return () => cancelAnimationFrame(handle)
}

/**
 * Records `sources` while anybody is subscribed, and not otherwise: a closed panel costs its application nothing.
 * Events that come in one frame are told together.
 */
export function createTrace(sources: readonly Source[], schedule: Schedule = nextFrame): Trace {
  const listeners = new Set<() => void>()
  let state = record(sources)
  let pending: TracedEvent[] = []
  let stop: (() => void) | null = null
  let cancel: (() => void) | null = null

  const flush = () => {
    cancel = null
    state = extended(state, pending)
    pending = []
    for (const listener of [...listeners]) listener()
  }
  const start = () => {
    state = record(sources)
    const unsubscribe = sources.map((source) =>
      source.client.subscribe((event) => {
        pending.push({ source, event })
        // A hidden page has no frames: what nobody sees must not pile up.
        if (pending.length > MAX_EVENTS) flush()
        else cancel ??= schedule(flush)
      }),
    )
    return () => {
      for (const end of unsubscribe) end()
      cancel?.()
      cancel = null
      pending = []
    }
  }

  return {
    getState: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      stop ??= start()
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        stop?.()
        stop = null
      }
    },
    clear: () => {
      flush()
      state = { ...state, events: [] }
      for (const listener of [...listeners]) listener()
    },
  }
}

function record(sources: readonly Source[]): TraceState {
  const events = sources
    .flatMap((source) => source.client.history().map((event) => ({ source, event })))
    .sort((a, b) => a.event.at - b.event.at)
  const clients = sources.map((source) => ({ source, state: initialState, locks: new Map() }))
  return extended({ events: [], clients }, events)
}

function extended({ events, clients }: TraceState, more: readonly TracedEvent[]): TraceState {
  return {
    events: [...events, ...more].slice(-MAX_EVENTS),
    clients: clients.map((client) => followed(client, more)),
  }
}

function followed(client: TracedClient, more: readonly TracedEvent[]): TracedClient {
  const own = more.filter(({ source }) => source === client.source)
  if (own.length === 0) return client
  const locks = new Map(client.locks)
  let { state } = client
  for (const { event } of own) {
    const before = state.locks
    state = fold(state, event)
    if (!('lock' in event) || state.locks === before) continue
    const lock = state.locks[event.lock] ?? released(locks.get(event.lock))
    if (lock) locks.set(event.lock, lock)
  }
  for (const id of [...locks.keys()].slice(0, Math.max(0, locks.size - MAX_LOCKS))) locks.delete(id)
  return { source: client.source, state, locks }
}

/** A lock that is let go leaves the store, but not the list: one may want to take it again, or to see what it did. */
function released(lock: LockSnapshot | undefined): LockSnapshot | undefined {
  return lock && { ...lock, phase: 'idle', queued: false, position: null, health: null, ending: null, paused: false }
}
