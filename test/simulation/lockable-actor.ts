import { LockClient } from '../../src/core/client.ts'
import { isLockableError } from '../../src/core/errors.ts'
import type { LockableEvent } from '../../src/core/events.ts'
import type { HeartbeatHost, HeartbeatHostOptions } from '../../src/core/heartbeat-host.ts'
import type { Lease } from '../../src/core/lease.ts'
import type { PageChange, Runtime } from '../../src/core/ports.ts'
import type { AcquireOptions, LockableOptions, LockOptions } from '../../src/core/types.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import type { Believer } from './believer.ts'
import type { Machine } from './machine.ts'
import type { Action, HoldAction } from './plan.ts'
import { portsOf, SECRET_MARK } from './ports.ts'
import { SimulatedWorkers } from './simulated-worker.ts'
import type { Actor, ActorContext } from './world.ts'

const EPILOGUE_HOLD_MS = 50
/** ms that timers and rounding may cost a lease. */
const LEFT_MS = 50
/** The same for one that a worker renews: a slow message to it makes what is known of its clock less. */
const LEFT_BY_WORKER_MS = 1_000
/** ms. */
const LONG_LEASE_MS = 10_000
/** ms of a fresh lease that may not be enough for a round trip. */
const SHORT_MS = 500

/** An application that uses the real client. */
export class LockableActor implements Actor {
  readonly machine: Machine
  readonly label: string
  readonly #context: ActorContext
  readonly #client: LockClient
  readonly #acquiring = new Map<string, number>()
  /** By the id of the lease. */
  readonly #believers = new Map<string, Believer>()
  readonly #leases = new Map<string, Lease>()
  /** What was asked for. */
  readonly #leaseMs = new Map<string, number>()
  /** The names of locks that it gives up by itself after a while. */
  readonly #limited = new Set<string>()
  #page: ((change: PageChange) => void) | null = null
  #isClosed = false
  #workers: SimulatedWorkers | null = null
  /** When the server last said something by which a lock may be lost, in true ms. */
  #refusedAt = Number.NEGATIVE_INFINITY
  #hasLeft = false
  /** It got a lock with too little left to be confirmed in time, as who polls for a short lease may. */
  #isShort = false

  constructor(context: ActorContext) {
    const { machine, plan } = context
    this.machine = machine
    this.label = plan.label
    this.#context = context
    const options: LockableOptions = {
      dialect: plan.dialect,
      retryInterval: plan.retryMs,
      ...(plan.leaseMs === null ? {} : { leaseDuration: plan.leaseMs }),
    }
    this.#client = new LockClient(options, this.#runtime())
    this.#client.subscribe((event) => this.#hear(event))
  }

  get isOpen(): boolean {
    return this.machine.isAlive && !this.#isClosed
  }

  perform(action: Action): void {
    if (action.kind === 'hold') void this.#hold(action)
    else if (action.kind === 'close') this.#close()
    else if (action.kind === 'leave') this.#leave()
    else this.#changePage('resumed')
  }

  #leave(): void {
    this.#changePage('leaving')
    // The browser stops the worker with its page; this one comes back without it.
    this.#workers?.stop()
  }

  loseWorker(noticedMs: number): void {
    this.#note('loses its worker')
    this.#workers?.die(noticedMs)
  }

  mayBeat(name: string): boolean {
    // A worker goes on for a page that is frozen, and does not know what that page has found out.
    if (this.#context.plan.hasWorker) return true
    // The loop does not know of maxHold: until the page stops it, it renews what the server has granted, and harms nobody.
    if (this.#limited.has(name)) return true
    // What was heard of too late to be certain is confirmed by a heartbeat before it is held.
    return (this.#acquiring.get(name) ?? 0) > 0 || this.#context.beliefs.isHeldOn(this.machine, name)
  }

  performEpilogue(name: string): void {
    void this.#takeOnceMore(name)
  }

  inspect(): void {
    // The history is as good as listening all the time, and cheaper: it keeps more events than a schedule has.
    for (const event of this.#client.history()) this.#checkSecrecy(event)
  }

  async #hold(action: HoldAction): Promise<void> {
    if (this.#isClosed) return
    if (action.maxHoldMs !== null) this.#limited.add(action.name)
    const abort = new AbortController()
    const { abortMs } = action
    const cancelAbort = abortMs === null ? () => {} : this.machine.setTimer(() => abort.abort('enough'), abortMs)
    const lease = await this.#acquire(action.name, lockOptions(action), acquireOptions(action, abort.signal))
    cancelAbort()
    if (lease === null) return
    await this.#use(lease, action)
    await this.#release(lease)
  }

  async #acquire(name: string, options: LockOptions, own: AcquireOptions): Promise<Lease | null> {
    const askedAt = this.#context.trueNow()
    this.#count(name, 1)
    try {
      const acquired = this.#client.lock(name, options).acquire(own)
      const lease = await this.#context.promises.expect(this.machine, `an acquire of ${name}`, acquired)
      this.#believe(lease, askedAt, options)
      return lease
    } catch (error) {
      this.#note(`does not get ${name}: ${isLockableError(error) ? `${error.code} ${error.message}` : error}`)
      return null
    } finally {
      this.#count(name, -1)
    }
  }

  /** Holds as long as it wants, or until it finds the lock lost. */
  async #use(lease: Lease, { holdMs, readMs }: HoldAction): Promise<void> {
    const until = this.machine.now() + holdMs
    while (lease.state === 'held' && this.machine.now() < until) {
      await this.#pause(Math.min(readMs, until - this.machine.now()))
    }
  }

  async #release(lease: Lease): Promise<void> {
    try {
      const acknowledged = await this.#context.promises.expect(
        this.machine,
        `a release of ${lease.name}`,
        lease.release(),
      )
      this.#note(`released ${lease.name} ${lease.fencingToken} ${acknowledged}`)
    } catch (error) {
      this.#note(`failed to release ${lease.name}: ${error}`)
    }
  }

  async #takeOnceMore(name: string): Promise<void> {
    const askedAt = this.#context.trueNow()
    this.#count(name, 1)
    try {
      const acquired = this.#client.lock(name).acquire()
      const lease = await this.#context.promises.expect(this.machine, `the last acquire of ${name}`, acquired)
      this.#believe(lease, askedAt)
      await this.#pause(EPILOGUE_HOLD_MS)
      await this.#release(lease)
    } catch (error) {
      this.#context.verdict.broken('liveness', `${this.label} cannot acquire ${name} in a healed world: ${error}`)
    } finally {
      this.#count(name, -1)
    }
  }

  #believe(lease: Lease, askedAt: number, { mode = 'exclusive', leaseDuration }: LockOptions = {}): void {
    const { label, machine } = this
    const { name, fencingToken } = lease
    const asked = { believes: () => lease.state === 'held', remaining: () => lease.remaining() }
    const believer = { label, machine, name, mode, fencingToken, askedAt, ...asked }
    this.#believers.set(lease.id, believer)
    this.#leases.set(lease.id, lease)
    this.#leaseMs.set(lease.id, leaseDuration ?? this.#context.plan.leaseMs ?? 0)
    this.#context.beliefs.begin(believer)
  }

  #ends(lease: string): void {
    const believer = this.#believers.get(lease)
    if (believer) this.#context.beliefs.ends(believer)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#note('closes')
    void this.#context.promises.expect(this.machine, 'the close', this.#client.close())
  }

  #changePage(change: PageChange): void {
    this.#note(`page ${change}`)
    this.#hasLeft ||= change === 'leaving'
    this.#page?.(change)
  }

  #hear(event: LockableEvent): void {
    const { beliefs, trueNow, trace } = this.#context
    const name = 'name' in event ? event.name : ''
    trace.add(trueNow(), this.label, `event ${event.type} ${name}`)
    if (event.type === 'heartbeat.ok') beliefs.look(event.name)
    if (event.type === 'granted' && event.remainingMs < SHORT_MS) this.#isShort = true
    if (event.type === 'released') this.#ends(event.lease)
    if (event.type === 'lost') this.#lost(event)
  }

  #lost(event: Extract<LockableEvent, { type: 'lost' }>): void {
    const { beliefs, isCalm, isFaultless, plan, verdict } = this.#context
    this.#checkAbort(event.lease, event.name)
    this.#note(`lost ${event.name}: ${event.loss.cause}. ${event.loss.sentence}`)
    const isTaken =
      event.loss.cause === 'taken-over' || beliefs.wasRobbed(this.#leases.get(event.lease)?.fencingToken ?? null)
    const isMeant = this.#hasLeft || this.#isShort || isTaken || event.loss.sentence.includes('maxHold')
    // Messages between threads that are busy take their time, as in a fault.
    if (((isFaultless && !plan.hasWorker) || (isCalm && this.#isLong(event.lease))) && !isMeant) {
      verdict.broken('loss without a fault', `${this.label} lost ${event.name}: ${event.loss.sentence}`)
    }
    if (!isMeant) this.#checkReason(event.lease, event.name)
    this.#ends(event.lease)
  }

  /** Whether so long a lease bears that a thread is busy, or dies without a noise. */
  #isLong(id: string): boolean {
    return (this.#leaseMs.get(id) ?? 0) >= LONG_LEASE_MS
  }

  /** Safety rule 5: whoever hears of a loss finds the signal aborted. */
  #checkAbort(id: string, name: string): void {
    const lease = this.#leases.get(id)
    if (lease === undefined || lease.signal.aborted) return
    this.#context.verdict.broken('abort first', `${this.label} is told that ${name} is lost before its signal aborts`)
  }

  /** Safety rule 8: only time or the server's word ends a lease. */
  #checkReason(id: string, name: string): void {
    const { beliefs, verdict, plan } = this.#context
    const believer = this.#believers.get(id)
    if (believer === undefined || !this.machine.hasEvenClocks || this.#refusedAt > believer.askedAt) return
    const leftMs = beliefs.certainMs(believer)
    if (leftMs < (plan.hasWorker ? LEFT_BY_WORKER_MS : LEFT_MS)) return
    verdict.broken(
      'loss without a word',
      `${this.label} lost ${name} with ${Math.round(leftMs)} ms left, and nobody said so`,
    )
  }

  #checkSecrecy(event: LockableEvent): void {
    if (!JSON.stringify(event).includes(SECRET_MARK)) return
    this.#context.verdict.broken('secrecy', `the event ${event.type} of ${this.label} contains a secret`)
  }

  #runtime(): Runtime {
    const { tweaks, plan } = this.#context
    const ports = portsOf(
      this.#context,
      (listener) => {
        this.#page = listener
      },
      () => {
        this.#refusedAt = this.#context.trueNow()
      },
    )
    return {
      ...ports,
      heartbeatHost: (options) => {
        const host = plan.hasWorker
          ? this.#startWorkers(options)
          : new SupervisedHost({ ...options, url: '', choices: 'there are no workers here' })
        return tweaks.host?.(host, ports) ?? host
      },
    }
  }

  #startWorkers(options: HeartbeatHostOptions): HeartbeatHost {
    const { kernel, random, machine } = this.#context
    const refused = () => {
      this.#refusedAt = this.#context.trueNow()
    }
    const portsOfThread = (thread: Machine) => portsOf({ ...this.#context, machine: thread }, undefined, refused)
    const workers = new SimulatedWorkers({
      ...options,
      kernel,
      random: random.fork(1),
      machine,
      portsOf: portsOfThread,
    })
    this.#workers = workers
    return workers.host
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resume) => this.machine.setTimer(resume, ms))
  }

  #count(name: string, change: number): void {
    this.#acquiring.set(name, (this.#acquiring.get(name) ?? 0) + change)
  }

  #note(what: string): void {
    this.#context.trace.add(this.#context.trueNow(), this.label, what)
  }
}

function lockOptions({ mode, leaseMs, maxHoldMs }: HoldAction): LockOptions {
  return {
    mode,
    ...(leaseMs === null ? {} : { leaseDuration: leaseMs }),
    ...(maxHoldMs === null ? {} : { maxHold: maxHoldMs }),
  }
}

function acquireOptions({ steal, blocking, timeoutMs }: HoldAction, signal: AbortSignal): AcquireOptions {
  return {
    blocking,
    signal,
    ...(steal === null ? {} : { steal }),
    ...(timeoutMs === null ? {} : { timeout: timeoutMs }),
  }
}
