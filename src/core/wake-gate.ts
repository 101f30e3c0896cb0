import { elapsed, type Instant, instant } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { HeldLeases } from './held-leases.ts'
import type { CancelTimer, Runtime, Tabs } from './ports.ts'

/** A lease whose end nobody noticed for more ms shows that this thread stood still, or its timers did. */
const STALL_MS = 50
/** ms without a sign of a worker that ticks every second at least, which show the same. */
const SILENCE_MS = 2_500
/** ms within which a thread that runs again hears what waits in its queue. */
const QUEUE_MS = 30
/** ms by which the clocks must have moved apart for it to be sleep: the worker slept as well, and has nothing to tell. */
const SLEEP_MS = 500

/**
 * After this thread stood still, nothing is done before it is known what became of the leases.
 *
 * Whichever task of the library comes first then passes here: a timer, a reply, an event of a stream, a sign of the
 * worker. If a lease seems to be over, either the worker has kept it, and its renewals wait in the queue; or the whole
 * page was frozen, or the machine slept, and it is lost. So the gate closes for as long as the queue needs to be heard;
 * then whatever is lost is ended, which aborts its signal; and only then events are told, and everything else goes on.
 */
export class WakeGate {
  readonly #runtime: Runtime
  readonly #leases: HeldLeases
  readonly #events: EventLog
  readonly #waiting: (() => void)[] = []
  /** Until then none of so many leases can end, so that the clocks alone need to be looked at. */
  #certain: { readonly at: Instant; readonly ms: number; readonly granted: number } | null = null
  /** By how much the wall clock was ahead of the monotonic one. */
  #ahead: number
  /** By the monotonic clock, when somebody came here last. */
  #passedAt: number
  #hasWorker = false
  /** Set while the gate is closed. */
  #closed: { readonly until: number; readonly cancel: CancelTimer } | null = null

  constructor(runtime: Runtime, leases: HeldLeases, events: EventLog) {
    this.#runtime = runtime
    this.#leases = leases
    this.#events = events
    this.#ahead = this.#aheadNow()
    this.#passedAt = runtime.now()
  }

  /** Whether a worker beats, which shows regularly that it runs, and may have kept what seems to be over. */
  set hasWorker(hasWorker: boolean) {
    this.#hasWorker = hasWorker
  }

  /**
   * Runs `task` now, or when the gate opens.
   *
   * @param isOld it waited in the queue, where more of the worker may wait behind it. Default `false`.
   */
  pass(task: () => void, isOld: boolean = false): void {
    if (this.#isOpen(isOld)) task()
    else this.#waiting.push(task)
  }

  /** The worker tells of a heartbeat, which need not wait: closes the gate if it must be. */
  look(): void {
    this.#isOpen(true)
  }

  /** Settles as `task` does, but not before the gate is open. */
  async after<T>(task: Promise<T>): Promise<T> {
    try {
      return await task
    } finally {
      if (!this.#isOpen()) await new Promise<void>((opened) => this.#waiting.push(opened))
    }
  }

  /** Ends at once what is lost: nothing waits to be heard, as after a freeze, which stops the worker too. */
  open(): void {
    this.#closed?.cancel()
    this.#closed = null
    this.#certain = null
    for (const lease of this.#leases) lease.look()
    this.#events.resume()
    // Each by itself: whoever was told may have blocked for so long that the gate is closed again.
    for (const task of this.#waiting.splice(0)) this.pass(() => this.#run(task))
  }

  #isOpen(isOld: boolean = false): boolean {
    const now = this.#runtime.now()
    const silentMs = now - this.#passedAt
    this.#passedAt = now
    const hasSlept = this.#hasSlept()
    if (this.#closed !== null) return !isOld && this.#openIfDue(now)
    if (this.#leases.size === 0 || this.#isCertain()) return true
    const left = this.#lookAtLeases()
    if (left > 0) return true
    const isStalled = -left > STALL_MS || (this.#hasWorker && silentMs > SILENCE_MS)
    if (!isStalled || hasSlept) this.open()
    else this.#close(now)
    return this.#closed === null
  }

  /** The timer of a hidden page may come a minute late, so whoever comes after its time opens the gate. */
  #openIfDue(now: number): boolean {
    if (this.#closed !== null && now >= this.#closed.until) this.open()
    return this.#closed === null
  }

  #close(now: number): void {
    this.#events.pause()
    const cancel = this.#runtime.setTimer(() => this.open(), QUEUE_MS)
    this.#closed = { until: now + QUEUE_MS, cancel }
  }

  #isCertain(): boolean {
    const certain = this.#certain
    if (certain === null || certain.granted !== this.#leases.granted) return false
    return elapsed(certain.at, instant(this.#runtime)) < certain.ms
  }

  /** Notes until when nothing can end. Returns the ms until the first lease ends; negative if one should have. */
  #lookAtLeases(): number {
    const { granted } = this.#leases
    const at = instant(this.#runtime)
    let shortest = Number.POSITIVE_INFINITY
    for (const lease of this.#leases) shortest = Math.min(shortest, lease.left())
    this.#certain = { at, ms: shortest, granted }
    return shortest
  }

  /** Whether the wall clock went on while the monotonic one did not; to set it forward looks the same. */
  #hasSlept(): boolean {
    const before = this.#ahead
    this.#ahead = this.#aheadNow()
    return this.#ahead - before > SLEEP_MS
  }

  #aheadNow(): number {
    const { wall, now, slept } = this.#runtime
    return wall() - now() + (slept?.() ?? 0)
  }

  #run(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#runtime.reportException(error)
    }
  }
}

/**
 * The runtime, with everything that it calls back passing the gate first, but for changes of the page: one that is about
 * to go waits for nothing.
 */
export function gatedRuntime(runtime: Runtime, gate: WakeGate): Runtime {
  return {
    ...runtime,
    setTimer: (fire, ms, background) => {
      let isCancelled = false
      const passed = () => {
        if (!isCancelled) fire()
      }
      const cancel = runtime.setTimer(() => gate.pass(passed), ms, background)
      return () => {
        isCancelled = true
        cancel()
      }
    },
    send: (request, options) => gate.after(runtime.send(request, options)),
    openStream: (request, { signal, heard }) =>
      gate.after(runtime.openStream(request, { signal, heard: (data) => gate.pass(() => heard(data)) })),
    whileParking: (poll) => runtime.whileParking((mayPark) => gate.after(Promise.resolve()).then(() => poll(mayPark))),
    tabs: () => gatedTabs(runtime.tabs?.() ?? null, gate),
  }
}

function gatedTabs(tabs: Tabs | null, gate: WakeGate): Tabs | null {
  if (tabs === null) return null
  return {
    lead: (signal, lead) => tabs.lead(signal, () => gate.after(Promise.resolve()).then(lead)),
    join: (heard) => tabs.join((message) => gate.pass(() => heard(message))),
  }
}
