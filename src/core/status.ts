import { statusPath } from '../protocol/paths.ts'
import type { HolderView, StatusReply } from '../protocol/wire.ts'
import { isOwned, readReply } from './calls.ts'
import { type Connection, REQUEST_TIMEOUT_MS } from './connection.ts'
import type { EventLog } from './event-log.ts'
import type { LockableEvent } from './events.ts'
import type { CancelTimer, Runtime } from './ports.ts'
import type { LockStatus } from './types.ts'

/** ms between looks at a watched name, ±25 %. */
const WATCH_INTERVAL_MS = 2_000
/** Two looks at one grant find its beginning within so many ms. */
const SAME_GRANT_MS = 1_500
/** What happens to a lock of this client changes what the server would say of its name. */
const CHANGES: ReadonlySet<LockableEvent['type']> = new Set(['granted', 'release.answered', 'lost', 'acquire.waiting'])

/** Asks the server once. Rejects with a LockableError. */
export async function askStatus(connection: Connection, name: string, signal: AbortSignal): Promise<LockStatus> {
  if (connection.dialect === 'classic') return unknown(name)
  const request = { method: 'GET', path: statusPath(name) } as const
  const read = readReply(await connection.call(request, { timeoutMs: REQUEST_TIMEOUT_MS, signal }))
  if (read.status === 200 && isOwned(read)) {
    connection.learn('owned')
    const { state, holders, waiters } = read.json as StatusReply
    return { name, state, holders, waiters }
  }
  if (read.status === 404 && read.problem === null && connection.dialect !== 'owned') return unknown(name)
  throw connection.error(request, read)
}

function unknown(name: string): LockStatus {
  return { name, state: 'unknown', holders: [], waiters: 0 }
}

/** Looks at names as long as somebody wants to know, once for all that do. */
export class StatusWatch {
  readonly #runtime: Runtime
  readonly #connection: Connection
  readonly #events: EventLog
  readonly #watched = new Map<string, WatchedName>()
  #unsubscribe: (() => void) | null = null

  constructor(runtime: Runtime, connection: Connection, events: EventLog) {
    this.#runtime = runtime
    this.#connection = connection
    this.#events = events
  }

  add(names: readonly string[], listener: (status: LockStatus) => void): () => void {
    const removals = [...new Set(names)].map((name) => this.#name(name).add(listener))
    return () => {
      for (const remove of removals) remove()
    }
  }

  close(): void {
    for (const watched of this.#watched.values()) watched.close()
    this.#watched.clear()
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }

  #name(name: string): WatchedName {
    const known = this.#watched.get(name)
    if (known) return known
    const watched = new WatchedName(name, this.#runtime, this.#connection, this.#events, () => this.#remove(name))
    this.#watched.set(name, watched)
    this.#unsubscribe ??= this.#events.subscribe((event) => {
      if (CHANGES.has(event.type) && 'name' in event) this.#watched.get(event.name)?.look()
    })
    return watched
  }

  #remove(name: string): void {
    this.#watched.delete(name)
    if (this.#watched.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }
}

/** One name that somebody watches. */
class WatchedName {
  readonly #name: string
  readonly #runtime: Runtime
  readonly #connection: Connection
  readonly #events: EventLog
  readonly #unwatched: () => void
  readonly #listeners = new Set<(status: LockStatus) => void>()
  readonly #over = new AbortController()
  #last: LockStatus | null = null
  /** Since when each of the holders holds, on our clock. */
  #since: readonly number[] = []
  #looking = false
  #lookAgain = false
  #cancelTimer: CancelTimer = () => {}

  constructor(name: string, runtime: Runtime, connection: Connection, events: EventLog, unwatched: () => void) {
    this.#name = name
    this.#runtime = runtime
    this.#connection = connection
    this.#events = events
    this.#unwatched = unwatched
  }

  add(listener: (status: LockStatus) => void): () => void {
    const own = (status: LockStatus) => listener(status)
    this.#listeners.add(own)
    if (this.#last !== null) this.#tell(own, this.#last)
    else if (!this.#looking) this.look()
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return
      this.close()
      this.#unwatched()
    }
  }

  close(): void {
    this.#cancelTimer()
    this.#over.abort()
  }

  /** Looks now, and then again and again. */
  look(): void {
    if (this.#over.signal.aborted) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    this.#cancelTimer()
    void this.#ask().then((status) => {
      this.#looking = false
      if (this.#over.signal.aborted) return
      this.#update(status)
      if (this.#lookAgain) {
        this.#lookAgain = false
        return this.look()
      }
      const ms = WATCH_INTERVAL_MS * (0.75 + 0.5 * this.#runtime.random())
      this.#cancelTimer = this.#runtime.setTimer(() => this.look(), ms)
    })
  }

  async #ask(): Promise<LockStatus> {
    try {
      return await askStatus(this.#connection, this.#name, this.#over.signal)
    } catch {
      return unknown(this.#name)
    }
  }

  #update(status: LockStatus): void {
    const since = status.holders.map(({ since_ms }) => this.#runtime.now() - since_ms)
    const isNews = this.#last === null || essence(this.#last) !== essence(status) || differ(since, this.#since)
    this.#last = status
    if (!isNews) return
    this.#since = since
    this.#events.emit({ type: 'status', ...status })
    for (const listener of [...this.#listeners]) this.#tell(listener, status)
  }

  #tell(listener: (status: LockStatus) => void, status: LockStatus): void {
    try {
      listener(status)
    } catch (error) {
      this.#runtime.reportException(error)
    }
  }
}

/** Whether these are other grants: the same one is found at the same time, but for how long the replies took. */
function differ(since: readonly number[], before: readonly number[]): boolean {
  return since.some((at, index) => Math.abs(at - (before[index] ?? at)) > SAME_GRANT_MS)
}

/** What of a status is news: not the times, which differ with every look. */
function essence({ state, holders, waiters }: LockStatus): string {
  return JSON.stringify([state, waiters, holders.map(({ info, mode }: HolderView) => [info, mode])])
}
