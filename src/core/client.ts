// For whoever compiles against our types with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />
import { abandonable, within } from './async.ts'
import { Connection } from './connection.ts'
import type { ClientContext } from './context.ts'
import { makeDisposable } from './dispose.ts'
import { LockableError } from './errors.ts'
import { EventLog } from './event-log.ts'
import type { LockableEvent } from './events.ts'
import type { HeartbeatHost, HeartbeatReport, HeartbeatThread, PageRuntime } from './heartbeat-host.ts'
import { HeldLeases } from './held-leases.ts'
import type { Lease } from './lease.ts'
import { Lock } from './lock.ts'
import { checkClientOptions, checkName } from './options.ts'
import { PageWatch } from './page-watch.ts'
import type { Runtime } from './ports.ts'
import { Sessions } from './session/sessions.ts'
import { askStatus, StatusWatch } from './status.ts'
import type { AcquireOptions, AuthToken, LockableOptions, LockedFunction, LockOptions, LockStatus } from './types.ts'
import { gatedRuntime, WakeGate } from './wake-gate.ts'

/** ms for which `close()` waits for releases before it ends their sessions. */
const CLOSE_PATIENCE_MS = 5_000

/** A client of one lock server: makes locks, sends their heartbeats, and tells all that happens as events. */
export class LockClient {
  readonly #context: ClientContext
  readonly #runtime: Runtime
  readonly #gate: WakeGate
  readonly #page: PageRuntime
  readonly #connection: Connection
  readonly #events: EventLog
  readonly #closing = new AbortController()
  readonly #locks = new Map<string, WeakRef<Lock>>()
  readonly #collected = new FinalizationRegistry<string>((id) => this.#locks.delete(id))
  readonly #tasks = new Set<Promise<unknown>>()
  readonly #watch: StatusWatch
  readonly #pageWatch: PageWatch
  #host: HeartbeatHost | null = null
  #sessions: Sessions | null = null
  #leavePage: (() => void) | null = null
  #closed: Promise<void> | null = null
  #ids = 0

  /** Closes, for `await using`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>

  static {
    makeDisposable(LockClient.prototype, (client) => client.close())
  }

  /** @internal The package's entry brings the runtime. */
  constructor(options: LockableOptions, runtime: Runtime) {
    checkClientOptions(options)
    this.#events = new EventLog(runtime)
    const leases = new HeldLeases(whileAny(options.preventFreezing === false ? undefined : runtime.preventFreezing))
    this.#gate = new WakeGate(runtime, leases, this.#events)
    this.#runtime = gatedRuntime(runtime, this.#gate)
    const authToken = this.#gatedToken(options.authToken) ?? runtime.environmentToken()
    this.#connection = new Connection(this.#runtime, options.dialect ?? 'auto', authToken, (dialect) =>
      this.#events.emit({ type: 'dialect', dialect }),
    )
    this.#pageWatch = new PageWatch({
      events: this.#events,
      gate: this.#gate,
      goOn: (isBack) => this.#goOn(isBack),
      leave: () => this.#leave(),
    })
    // What answers a heartbeat is what the gate waits for.
    this.#page = { ...this.#runtime, send: runtime.send }
    this.#context = this.#makeContext(options, leases)
    this.#watch = new StatusWatch(this.#runtime, this.#connection, this.#events)
  }

  /** A lock of this client. @throws InvalidArgumentError for a name or an option that cannot be meant. */
  lock(name: string, options: LockOptions = {}): Lock {
    return new Lock(name, options, this)
  }

  /** `lock(name, options).acquire(options)`. Rejects as that does. */
  async acquire(name: string, options: LockOptions & AcquireOptions = {}): Promise<Lease> {
    return this.lock(name, options).acquire()
  }

  /** Runs `fn` while the lock is held, as `navigator.locks.request` does. Each call queues by itself. */
  request<Result>(name: string, fn: LockedFunction<Result>): Promise<Result>
  request<Result>(name: string, options: LockOptions, fn: LockedFunction<Result>): Promise<Result>
  async request<Result>(
    name: string,
    options: LockOptions | LockedFunction<Result>,
    fn?: LockedFunction<Result>,
  ): Promise<Result> {
    const run = typeof options === 'function' ? options : fn
    if (typeof run !== 'function')
      throw new TypeError(`request(name, options, fn) needs a function; got ${typeof run}.`)
    return this.lock(name, typeof options === 'function' ? {} : options).run(run)
  }

  /**
   * Who holds `name`, without taking it. A classic server cannot be asked: `state` is `'unknown'` there.
   *
   * @throws InvalidArgumentError, AuthenticationError, ProtocolError, ServerError, NetworkError
   */
  async status(name: string): Promise<LockStatus> {
    checkName(name)
    return askStatus(this.#connection, name, this.#closing.signal)
  }

  /**
   * Tells `listener` how each of `names` looks to everybody, at first and whenever it changes; returns the way to stop.
   * While the server cannot be asked, `state` is `'unknown'`. A watch keeps a Node process alive until it is stopped.
   *
   * @throws InvalidArgumentError for a name that cannot be meant, LockableError with code `closed` on a closed client.
   */
  watch(names: readonly string[], listener: (status: LockStatus) => void): () => void {
    for (const name of names) checkName(name)
    this.#closing.signal.throwIfAborted()
    this.#context.attend()
    return this.#watch.add(names, listener)
  }

  /** Calls `listener` with every event from now on, synchronously and in order; returns the way to stop. */
  subscribe(listener: (event: LockableEvent) => void): () => void {
    return this.#events.subscribe(listener)
  }

  /** The recent events, and those that tell where each lock is that is not idle; oldest first. */
  history(): readonly LockableEvent[] {
    return this.#events.history()
  }

  /** The `Lock` with this id, if it still exists. */
  find(lock: string): Lock | undefined {
    return this.#locks.get(lock)?.deref()
  }

  /** Withholds the heartbeats of a held lock, or sends them again: a fault to see what a loss looks like. */
  pauseHeartbeats(lock: string, paused: boolean): void {
    this.find(lock)?.pauseHeartbeats(paused)
  }

  /** Ends all waits (they reject with code `closed`), releases what is held, and stops the worker. */
  close(): Promise<void> {
    if (this.#closed !== null) return this.#closed
    let begin = () => {}
    this.#closed = new Promise<void>((resolve) => {
      begin = resolve
    }).then(() => this.#close())
    this.#closing.abort(new LockableError('closed', 'The client is closed. Make a new Lockable to go on.'))
    begin()
    return this.#closed
  }

  /** @internal Takes a new lock in, and gives it the id and all that it shares with the others. */
  adopt(lock: Lock): { readonly id: string; readonly context: ClientContext } {
    const id = this.#context.newId()
    this.#locks.set(id, new WeakRef(lock))
    this.#collected.register(lock, id)
    return { id, context: this.#context }
  }

  async #close(): Promise<void> {
    this.#watch.close()
    const released = Promise.allSettled([...this.#context.leases].map((lease) => lease.release()))
    await within(this.#runtime, released, CLOSE_PATIENCE_MS, null).catch(() => {})
    // Whatever is still on its way ends with its session.
    await this.#context.sessions.close()
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks)
    this.#leavePage?.()
    this.#host?.close()
    this.#events.emit({ type: 'client.closed' })
  }

  #makeContext(options: LockableOptions, leases: HeldLeases): ClientContext {
    const sessions = () => {
      this.#sessions ??= new Sessions(this.#context)
      return this.#sessions
    }
    return {
      get sessions() {
        return sessions()
      },
      runtime: this.#runtime,
      connection: this.#connection,
      events: this.#events,
      options,
      closing: this.#closing.signal,
      leases,
      listeners: new Map(),
      host: () => {
        this.#host ??= this.#startHost()
        return this.#host
      },
      newId: () => {
        this.#ids += 1
        return String(this.#ids)
      },
      background: (task) => this.#background(task),
      whenAwake: (task) => this.#gate.pass(task),
      attend: () => {
        this.#leavePage ??= this.#runtime.onPageChange((change) => this.#pageWatch.changed(change))
      },
    }
  }

  #startHost(): HeartbeatHost {
    return this.#runtime.heartbeatHost({
      page: this.#page,
      dispatch: (report) => this.#hear(report),
      // Told when the host stands: whoever listens may need it.
      threadChanged: (thread) => queueMicrotask(() => this.#gate.pass(() => this.#threadChanged(thread))),
      tick: (sign) => this.#pageWatch.ticked(sign),
    })
  }

  #threadChanged({ thread, reason, isLoss }: HeartbeatThread): void {
    this.#gate.hasWorker = thread === 'worker'
    if (isLoss) this.#events.emit({ type: 'worker.lost', reason: reason ?? '' })
    this.#events.emit({ type: 'heartbeat.thread', thread, reason })
  }

  #hear(report: HeartbeatReport): void {
    this.#gate.look()
    if (report.type === 'failed' && report.error.status === 401) {
      this.#gate.pass(() => this.#background(this.#replaceToken()))
    }
    this.#context.listeners.get(report.id)?.(report)
  }

  /** The loop may be on another thread and cannot ask for a token itself. */
  async #replaceToken(): Promise<void> {
    const replaced = this.#connection.replaceToken(this.#connection.authToken)
    const fresh = await abandonable(replaced, this.#closing.signal)
    if (fresh === null) return
    this.#host?.setAuthToken(fresh)
    this.#host?.nudge(false)
  }

  /** A promise of the application may be the first to go on after this thread stood still. */
  #gatedToken(authToken: AuthToken | undefined): AuthToken | undefined {
    if (typeof authToken !== 'function') return authToken
    return () => this.#gate.after(Promise.resolve().then(authToken))
  }

  #goOn(isBack: boolean): void {
    this.#host?.nudge(isBack)
    this.#context.sessions.nudge()
  }

  /**
   * Hands everything back first, and tells then: Firefox ends a listener of a page that is about to go when it runs for
   * more than a moment. Nobody can ask in between, and who asks after the first line is told that it is lost.
   */
  #leave(): void {
    const leases = [...this.#context.leases]
    for (const lease of leases) lease.renounce()
    this.#context.sessions.leavePage()
    for (const lease of leases) lease.leavePage()
    this.#gate.open()
  }

  #background(task: Promise<unknown>): void {
    const settled = task.catch(() => {})
    this.#tasks.add(settled)
    void settled.then(() => this.#tasks.delete(settled))
  }
}

/** Has `begin` called when there is any, and what that returned when there is none any more. */
function whileAny(begin: (() => () => void) | undefined): (isAny: boolean) => void {
  let end: (() => void) | undefined
  return (isAny) => {
    end?.()
    end = isAny ? begin?.() : undefined
  }
}
