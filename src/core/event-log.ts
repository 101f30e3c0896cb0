import { instant } from './clock.ts'
import type { EventBody, EventType, LockableEvent } from './events.ts'
import type { Runtime } from './ports.ts'

/** How many events are kept of all. */
const RECENT_LIMIT = 500

/** What tells where a lock is; kept as long as the lock is not idle, however much else happens. */
const LIFECYCLE: ReadonlySet<EventType> = new Set<EventType>([
  'acquire.started',
  'acquire.waiting',
  'acquire.ended',
  'granted',
  'health',
  'ending',
  'heartbeat.paused',
  'heartbeat.resumed',
  'lost',
])

/** How many locks that are over, lost or failed, keep their events. */
const FINISHED_LIMIT = 100

/** Stamps, keeps and hands on the events of one client. */
export class EventLog {
  readonly #runtime: Runtime
  readonly #listeners = new Set<(event: LockableEvent) => void>()
  readonly #recent: LockableEvent[] = []
  readonly #lifecycles = new Map<string, Map<EventType, LockableEvent>>()
  readonly #connection = new Map<EventType, LockableEvent>()
  readonly #undelivered: LockableEvent[] = []
  #seq = 0
  #delivering = false
  #isPaused = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Calls `listener` with every event from now on; returns the way to stop. */
  subscribe(listener: (event: LockableEvent) => void): () => void {
    // A listener of its own for each call, so that subscribing one function twice and undoing it once leaves one.
    const since = this.#seq
    // What is kept back was already there when it subscribed, and `history()` has told it.
    const own = (event: LockableEvent) => {
      if (event.seq > since) listener(event)
    }
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** The recent events, and those that tell where each lock is that is not idle; in order. */
  history(): readonly LockableEvent[] {
    return this.#inOrder(this.#lifecycles.values(), this.#recent)
  }

  /** Of the same, those of one lock and those of the client as a whole. */
  historyOf(lock: string): readonly LockableEvent[] {
    const lifecycle = this.#lifecycles.get(lock)
    const recent = this.#recent.filter((event) => !('lock' in event) || event.lock === lock)
    return this.#inOrder(lifecycle === undefined ? [] : [lifecycle], recent)
  }

  #inOrder(
    lifecycles: Iterable<ReadonlyMap<EventType, LockableEvent>>,
    recent: readonly LockableEvent[],
  ): readonly LockableEvent[] {
    const kept = new Map<number, LockableEvent>()
    for (const event of this.#connection.values()) kept.set(event.seq, event)
    for (const events of lifecycles) for (const event of events.values()) kept.set(event.seq, event)
    for (const event of recent) kept.set(event.seq, event)
    return [...kept.values()].sort((a, b) => a.seq - b.seq)
  }

  emit(body: EventBody): LockableEvent {
    const { mono, wall } = instant(this.#runtime)
    const slept = this.#runtime.slept?.() ?? 0
    const event: LockableEvent = { v: 1, seq: ++this.#seq, at: mono - slept, wall, ...body }
    this.#keep(event)
    this.#undelivered.push(event)
    this.#deliver()
    return event
  }

  /** Events are kept, and told when they are resumed. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#deliver()
  }

  /** An event that a listener causes waits its turn, so that every listener sees all events in one order. */
  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    while (!this.#isPaused) {
      const event = this.#undelivered.shift()
      if (event === undefined) break
      for (const listener of [...this.#listeners]) {
        try {
          listener(event)
        } catch (error) {
          this.#runtime.reportException(error)
        }
      }
    }
    this.#delivering = false
  }

  #keep(event: LockableEvent): void {
    // Ticks in a row would push everything else out; the last of them tells as much.
    if (event.type === 'worker.tick' && this.#recent.at(-1)?.type === 'worker.tick') this.#recent.pop()
    this.#recent.push(event)
    if (this.#recent.length > RECENT_LIMIT) this.#recent.shift()
    if (event.type === 'dialect' || event.type === 'heartbeat.thread' || event.type === 'client.closed') {
      this.#connection.set(event.type, event)
    }
    if (!('lock' in event)) return
    if (event.type === 'released') this.#lifecycles.delete(event.lock)
    if (!LIFECYCLE.has(event.type)) return
    if (event.type === 'acquire.started') this.#lifecycles.delete(event.lock)
    const events = this.#lifecycles.get(event.lock) ?? new Map<EventType, LockableEvent>()
    events.delete(event.type)
    events.set(event.type, event)
    this.#lifecycles.set(event.lock, events)
    if (event.type === 'lost' || event.type === 'acquire.ended') this.#forgetOldest()
  }

  #forgetOldest(): void {
    const over = [...this.#lifecycles].filter(([, events]) => events.has('lost') || events.has('acquire.ended'))
    for (const [lock] of over.slice(0, Math.max(0, over.length - FINISHED_LIMIT))) this.#lifecycles.delete(lock)
  }
}
