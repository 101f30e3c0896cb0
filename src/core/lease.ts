// For whoever compiles against our types with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />
import type { EndingReason, Json, LockMode } from '../protocol/wire.ts'
import type { Grant } from './acquisition.ts'
import { elapsed, type Instant, instant } from './clock.ts'
import type { ClientContext } from './context.ts'
import { diagnose, type LossTrigger } from './diagnosis.ts'
import { makeDisposable } from './dispose.ts'
import { describeError, type ErrorDescription, HeartbeatError, LockableError, LockLostError } from './errors.ts'
import type { EventBody, Health } from './events.ts'
import type { HeartbeatReport } from './heartbeat-host.ts'
import type { Keeper } from './keeper.ts'
import { controllerThatLooks } from './looking-signal.ts'
import type { Loss } from './loss.ts'
import type { CancelTimer } from './ports.ts'
import { SingleKeeper } from './single-keeper.ts'
import { left, remaining, type Term, termOf } from './term.ts'
import type { LeaseState, LockOptions } from './types.ts'

/** The part of a term after which a renewal is overdue: by then the third attempt should have succeeded. */
const OVERDUE_PART = 0.6

/** What a lease knows of its `Lock`. */
interface Holdable {
  readonly id: string
  readonly name: string
}

/** The end of a lease that is fixed before it comes. */
export interface Ending {
  readonly reason: EndingReason
  /** The `info` of who comes next, if the server tells. */
  readonly successor: Json
}

/**
 * One grant of a lock, from acquired to over; it is never revived.
 *
 * Whatever is read here is computed from the clocks at that moment, so it is right also in the first task after the
 * program was frozen. If a thread was blocked for longer than its lease, its worker has kept the lock; but who asks
 * before that could be heard, in the very task that blocked, is told that it is lost, and then it is.
 */
export class Lease {
  /** Unique within the client. Not a secret. */
  readonly id: string
  readonly name: string
  /** Larger than that of every earlier grant of this name; `null` on a classic server. */
  readonly fencingToken: number | null
  readonly #context: ClientContext
  /** Kept as long as the lease is held, so that `find()` finds it. */
  readonly #lock: Holdable
  readonly #options: LockOptions
  readonly #keeper: Keeper
  readonly #grantedAt: Instant
  readonly #controller: AbortController
  #term: Term
  /** The last renewal, or the grant: a grant that waited counts from when it was heard of, not from its request. */
  #renewed: { readonly at: Instant; readonly certainMs: number }
  #state: LeaseState = 'held'
  #health: Health = 'ok'
  #loss: Loss | null = null
  #ending: Ending | null = null
  #releasing: Promise<boolean> | null = null
  #cancelTimer: CancelTimer = () => {}
  #isRenounced = false

  /** Releases, for `await using`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>

  static {
    makeDisposable(Lease.prototype, (lease) => lease.release())
  }

  /** @internal Leases come from `Lock.acquire()`. */
  constructor(context: ClientContext, lock: Holdable, grant: Grant, options: LockOptions) {
    this.#context = context
    this.#lock = lock
    this.#options = options
    this.#keeper = grant.place ?? singleKeeper(context, lock.name, grant, options)
    this.#term = grant.term
    this.#controller = controllerThatLooks(() => this.#check())
    this.#grantedAt = instant(context.runtime)
    this.#renewed = { at: this.#grantedAt, certainMs: remaining(grant.term, context.runtime) }
    this.id = context.newId()
    this.name = lock.name
    this.fencingToken = grant.fencingToken
    context.leases.add(this)
  }

  /** `held` as long as that is certain; then `lost` or `released`, for ever. */
  get state(): LeaseState {
    this.#check()
    return this.#state
  }

  /**
   * While held: `ok`, `late` (a heartbeat failed or is overdue; the lease still runs) or `offline` (the server cannot be
   * reached; the lease still runs). Afterwards the last of them.
   */
  get health(): Health {
    this.#check()
    return this.#health === 'ok' && !this.#isOver() && this.#overdueIn() === 0 ? 'late' : this.#health
  }

  /**
   * Aborts at the moment of loss, before anything else is told, with the `LockLostError`. Not on release. Its `aborted`
   * looks at the clocks, also when it was kept for long.
   */
  get signal(): AbortSignal {
    this.#check()
    return this.#controller.signal
  }

  /** Why it was lost, or `null`. */
  get loss(): Loss | null {
    this.#check()
    return this.#loss
  }

  /** While held: the end is fixed, because somebody takes over; `null` if not. */
  get ending(): Ending | null {
    this.#check()
    return this.#ending
  }

  /** ms that the lock is certain to be held from now on, if nothing more is heard; 0 when it is over. */
  remaining(): number {
    this.#check()
    return this.#state === 'held' ? this.#certain() : 0
  }

  /** @internal As `remaining()`, for display: it does not end the lease, since a renewal may wait to be heard. */
  peek(): number {
    return this.#state === 'held' ? this.#certain() : 0
  }

  /** Throws the `LockLostError` if the lock is lost, and a `LockableError` if it was released. */
  assertHeld(): void {
    this.#check()
    if (this.#state === 'lost') throw this.#controller.signal.reason
    if (this.#state === 'released') {
      throw new LockableError(
        'released',
        `The lock ${JSON.stringify(this.name)} was released, so it is no longer held.`,
      )
    }
  }

  /**
   * Lets go. The belief ends at once; the promise resolves when the server has answered.
   *
   * @returns whether the server still had the lock for us; `false` on a lease that is over.
   * @throws NetworkError, ServerError, ProtocolError or AuthenticationError if the server could not be told. It goes on
   *   being told; otherwise the lease runs out, with the session if it belongs to one.
   */
  release(): Promise<boolean> {
    this.#check()
    if (this.#state !== 'held') return this.#releasing ?? Promise.resolve(false)
    const dropped = this.#end('released')
    this.#releasing = this.#release(dropped).finally(() => {
      this.#releasing = null
    })
    this.#emit({ type: 'released', ...this.#ids() })
    this.#context.background(this.#releasing)
    return this.#releasing
  }

  /** @internal The page is about to go: from here on whoever asks is told that the lock is lost. */
  renounce(): void {
    this.#isRenounced = this.#state === 'held' && this.#certain() > 0
  }

  /** @internal Hands a lock that was renounced back by a request that outlives the page. */
  leavePage(): void {
    if (this.#isRenounced) this.#context.background(this.#keeper.leave(this.#term))
  }

  /** @internal What the beat loop tells about this lease. */
  hear(report: HeartbeatReport): void {
    if (this.#state !== 'held') return
    // Nothing is judged here: if this thread stood still, a report that keeps the lease may come after this one. Nor is
    // anything told before that one: whoever listens may ask, and who asks ends the lease.
    const overdue = this.#certain() === 0
    if (overdue && report.type !== 'renewed' && report.type !== 'refused' && report.type !== 'lapsed') return
    switch (report.type) {
      case 'sent':
        return this.#emit({ type: 'heartbeat.sent', ...this.#ids() })
      case 'renewed':
        return this.#renew(report)
      case 'refused':
        return void this.#lose({ kind: 'refused', reason: report.reason })
      case 'failed':
        return this.#fail(report.error)
      case 'lapsed':
        // The last that is told of it, so no renewal waits to be heard.
        return this.#check()
      case 'stalled':
        return this.#emit({ type: 'heartbeat.stalled', ...this.#ids(), silentMs: report.silentMs })
    }
  }

  /** @internal Withholds the heartbeats, or sends them again. */
  pauseHeartbeats(paused: boolean): void {
    this.#check()
    if (this.#state !== 'held') return
    this.#emit({ type: paused ? 'heartbeat.paused' : 'heartbeat.resumed', ...this.#ids() })
    this.#keeper.pause(paused)
  }

  /** @internal Tells that the lock is held, and begins to send heartbeats. Once, when its `Lock` knows of this lease. */
  begin(mode: LockMode, { leaseMs, waitedMs, confirm }: Grant): void {
    const { fencingToken } = this
    this.#arm()
    this.#emit({
      type: 'granted',
      ...this.#ids(),
      mode,
      fencingToken,
      leaseMs,
      remainingMs: this.#certain(),
      waitedMs,
      claim: confirm,
    })
    // After that, since it may have heard something already. Whoever was told may have released.
    if (!this.#isOver())
      this.#keeper.begin({ id: this.id, hear: (report) => this.hear(report), look: () => this.#check() })
  }

  /** @internal ms until it is over if nothing more is heard; negative if it should be. It does not end the lease. */
  left(): number {
    return Math.min(left(this.#term, this.#context.runtime), this.#holdLeft())
  }

  /** @internal Ends the lease if its time is over. */
  look(): void {
    this.#check()
  }

  #certain(): number {
    return Math.max(0, this.left())
  }

  #holdLeft(): number {
    const { maxHold = Number.POSITIVE_INFINITY } = this.#options
    return maxHold - elapsed(this.#grantedAt, instant(this.#context.runtime))
  }

  /** Ends the belief if its time is over. Every read goes through here (safety rule 4). */
  #check(): void {
    if (this.#state !== 'held') return
    if (this.#isRenounced) return void this.#lose({ kind: 'left-page' })
    if (this.#certain() === 0) {
      const { maxHold } = this.#options
      const dropped = this.#lose(
        maxHold !== undefined && this.#holdLeft() <= 0 ? { kind: 'max-hold', ms: maxHold } : { kind: 'expired' },
      )
      // Not in this task: other leases may have ended too, and their signals go first.
      this.#context.background(Promise.resolve().then(() => this.#keeper.handBack(this.#term, dropped)))
    }
  }

  #overdueIn(): number {
    const { at, certainMs } = this.#renewed
    const passed = elapsed(at, instant(this.#context.runtime))
    return this.#ending === null ? Math.max(0, certainMs * OVERDUE_PART - passed) : Number.POSITIVE_INFINITY
  }

  /** Looks again when something is due. A renewal does not touch the timer: it finds out when it fires. */
  #arm(): void {
    const next = this.#health === 'ok' ? Math.min(this.#overdueIn(), this.#certain()) : this.#certain()
    const ms = Math.max(1, Math.ceil(next))
    this.#cancelTimer = this.#context.runtime.setTimer(() => this.#lookAgain(), ms, true)
  }

  #lookAgain(): void {
    this.#check()
    if (this.#isOver()) return
    if (this.#overdueIn() === 0 && this.#health === 'ok') this.#setHealth('late')
    this.#arm()
  }

  #renew({ sentAt, expiresInMs, rttMs, ending, successor }: Extract<HeartbeatReport, { type: 'renewed' }>): void {
    const term = termOf(sentAt, expiresInMs)
    const { runtime } = this.#context
    // A lease is never shortened, but what a worker tells of "sent at" is the earlier the longer the telling took.
    if (ending !== null || remaining(term, runtime) >= remaining(this.#term, runtime)) {
      this.#term = term
      this.#renewed = { at: sentAt, certainMs: term.span }
    }
    const remainingMs = this.#certain()
    // A success that is handled too late is no success (safety rule 8): the next look at the clocks ends the lease.
    if (remainingMs === 0) return
    this.#emit({ type: 'heartbeat.ok', ...this.#ids(), rttMs, remainingMs })
    this.#setHealth('ok')
    if (ending === null || this.#ending !== null || this.#isOver()) return
    this.#ending = { reason: ending, successor }
    this.#emit({ type: 'ending', ...this.#ids(), reason: ending, successor, remainingMs })
  }

  #fail(error: ErrorDescription): void {
    this.#emit({ type: 'heartbeat.failed', ...this.#ids(), error, remainingMs: this.#certain() })
    if (this.#isOver()) return
    this.#setHealth(error.code === 'network' && error.timedOut !== true ? 'offline' : 'late')
    const message = `A heartbeat of ${JSON.stringify(this.name)} failed, with ${Math.round(this.#certain())} ms of the lease left: ${error.message}`
    const call = () => this.#options.onHeartbeatException?.(new HeartbeatError(message, { cause: error }))
    this.#context.whenAwake(() => this.#call(call))
  }

  /** Whether somebody who was told something ended the lease meanwhile. */
  #isOver(): boolean {
    return this.#state !== 'held'
  }

  #setHealth(health: Health): void {
    if (this.#health === health || this.#isOver()) return
    this.#health = health
    this.#emit({ type: 'health', ...this.#ids(), health, remainingMs: this.#certain() })
  }

  /** Aborts first; events and callbacks follow in a microtask, since a mere read may have found the loss. */
  #lose(trigger: LossTrigger): Promise<void> {
    const { events, runtime } = this.#context
    const now = { at: runtime.now() - (runtime.slept?.() ?? 0), wall: runtime.wall() }
    const loss = diagnose(trigger, this.id, events.historyOf(this.#lock.id), now)
    this.#loss = loss
    const dropped = this.#end('lost')
    this.#controller.abort(new LockLostError(this.name, loss))
    const tell = () => {
      if (trigger.kind === 'refused') this.#emit({ type: 'heartbeat.refused', ...this.#ids(), reason: trigger.reason })
      this.#emit({ type: 'lost', ...this.#ids(), loss })
      this.#call(() => this.#options.onLockLoss?.(loss))
    }
    queueMicrotask(() => this.#context.whenAwake(tell))
    return dropped
  }

  /** Resolves when no heartbeat of this lease is on its way any more. */
  #end(state: 'lost' | 'released'): Promise<void> {
    this.#state = state
    this.#cancelTimer()
    this.#context.leases.remove(this)
    return this.#keeper.end()
  }

  async #release(dropped: Promise<void>): Promise<boolean> {
    const ids = this.#ids()
    try {
      const acknowledged = await this.#keeper.release(this.#term, dropped)
      this.#emit({ type: 'release.answered', ...ids, acknowledged, error: null })
      return acknowledged
    } catch (error) {
      this.#emit({ type: 'release.answered', ...ids, acknowledged: false, error: describeError(error) })
      throw error
    }
  }

  #ids(): { lock: string; name: string; lease: string } {
    return { lock: this.#lock.id, name: this.name, lease: this.id }
  }

  #emit(event: EventBody): void {
    this.#context.events.emit(event)
  }

  #call(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#context.runtime.reportException(error)
    }
  }
}

function singleKeeper(context: ClientContext, name: string, grant: Grant, options: LockOptions): Keeper {
  const { owner, leaseMs, term, confirm } = grant
  const { leaseDuration: askedLeaseMs = null, stallTimeout: stallTimeoutMs = null } = options
  return new SingleKeeper(context, { name, owner, leaseMs, askedLeaseMs, term, confirm, stallTimeoutMs })
}
