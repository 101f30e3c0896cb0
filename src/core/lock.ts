import { type Acquisition, acquire, type Grant } from './acquisition.ts'
import { type LinkedAbort, linkAborts } from './async.ts'
import { releaseLateGrant } from './classic-acquisition.ts'
import type { LockClient } from './client.ts'
import type { ClientContext } from './context.ts'
import {
  CouldNotAcquireLockError,
  describeError,
  InvalidArgumentError,
  isLockableError,
  LockableError,
  type LockableErrorCode,
  LockLostError,
  LockTimeoutError,
} from './errors.ts'
import { Lease } from './lease.ts'
import { checkAcquireOptions, checkInterval, checkLockOptions, checkName } from './options.ts'
import { giveBack } from './owned-acquisition.ts'
import type { AcquireOptions, LockedFunction, LockOptions, LockState } from './types.ts'

const DEFAULT_RETRY_INTERVAL_MS = 1_000
const FAILED_REQUEST: ReadonlySet<LockableErrorCode> = new Set<LockableErrorCode>(['network', 'server', 'protocol'])

/** A name and how to acquire it; reusable, and not reentrant: one `Lock` waits or holds once at a time. */
export class Lock {
  /** Unique within the client. */
  readonly id: string
  readonly name: string
  readonly #context: ClientContext
  readonly #options: LockOptions
  #waiting: LinkedAbort | null = null
  #lease: Lease | null = null

  /** @internal Made by a client, or by the `Lock` of the package's entry. */
  constructor(name: string, options: LockOptions, client: LockClient) {
    checkName(name)
    checkLockOptions(options)
    const { id, context } = client.adopt(this)
    checkInterval(context.options.heartbeatInterval, options.leaseDuration)
    this.id = id
    this.name = name
    this.#context = context
    this.#options = { ...options }
  }

  /** `lost` lasts until the next `acquire()`. */
  get state(): LockState {
    if (this.#waiting !== null) return 'waiting'
    const lease = this.#lease?.state
    return lease === 'held' || lease === 'lost' ? lease : 'idle'
  }

  /** The lease while the lock is held, `null` otherwise. */
  get lease(): Lease | null {
    return this.state === 'held' ? this.#lease : null
  }

  /**
   * Waits until the lock is held.
   *
   * @throws CouldNotAcquireLockError with `blocking: false`, if somebody else holds.
   * @throws LockTimeoutError if `timeout` passed first.
   * @throws the reason of `signal` if that aborted first.
   * @throws LockableError with code `lock-busy` if this `Lock` waits or is held already, `closed` if the client is.
   * @throws InvalidArgumentError, AuthenticationError, ProtocolError, ServerError, NetworkError
   */
  async acquire(options: AcquireOptions = {}): Promise<Lease> {
    checkAcquireOptions(options)
    this.#context.closing.throwIfAborted()
    if (this.#waiting !== null || this.state === 'held') throw this.#busy()
    const { timeout = this.#options.timeout ?? Number.POSITIVE_INFINITY } = options
    const { closing, whenAwake } = this.#context
    const wanted = linkAborts([options.signal, this.#options.signal, closing], whenAwake)
    const cancelTimer = this.#limit(wanted, timeout)
    this.#waiting = wanted
    this.#context.attend()
    this.#context.host()
    try {
      return await this.#acquire(wanted.signal, options)
    } finally {
      if (this.#waiting === wanted) this.#waiting = null
      cancelTimer()
      wanted.undo()
    }
  }

  /**
   * Runs `fn` while the lock is held, and releases it.
   *
   * `fn` is awaited also after a loss; then it rejects with the `LockLostError` (with the error of `fn` as its cause), so
   * that a run that lost its lock is never taken for a success. An error of `fn` goes before one of the release.
   */
  async run<Result>(fn: LockedFunction<Result>): Promise<Result> {
    if (typeof fn !== 'function') throw new InvalidArgumentError(`run(fn) needs a function; got ${typeof fn}.`)
    const lease = await this.acquire()
    let result: Result
    try {
      result = await fn(lease)
    } catch (error) {
      throwIfLost(lease, error)
      await lease.release().catch(() => {})
      throw error
    }
    await lease.release()
    throwIfLost(lease)
    return result
  }

  /** Releases the lease if the lock is held. Resolves to whether there was something to release. */
  async release(): Promise<boolean> {
    return (await this.#lease?.release()) ?? false
  }

  /** @internal ms that are certain, for display: asking does not end the lease, as reading `lease` does. */
  peek(): number {
    return this.#lease?.peek() ?? 0
  }

  /** @internal For the devtools. */
  pauseHeartbeats(paused: boolean): void {
    this.#lease?.pauseHeartbeats(paused)
  }

  async #acquire(wanted: AbortSignal, options: AcquireOptions): Promise<Lease> {
    const { events } = this.#context
    const { id: lock, name } = this
    const acquisition = this.#acquisition(wanted, options)
    const { mode, blocking, steal } = acquisition
    events.emit({ type: 'acquire.started', lock, name, mode, blocking, steal })
    try {
      const grant = await acquire(acquisition)
      if (wanted.aborted) handBack(acquisition, grant)
      wanted.throwIfAborted()
      return this.#hold(grant, acquisition)
    } catch (error) {
      const holders = error instanceof CouldNotAcquireLockError ? error.holders : []
      this.#waiting = null
      const described = describeError(error)
      const aborted = described.code === 'unknown' && wanted.aborted
      events.emit({
        type: 'acquire.ended',
        lock,
        name,
        error: aborted ? { ...described, code: 'aborted' } : described,
        holders,
      })
      this.#forgetClassic(error)
      throw error
    }
  }

  /** From here on the lock is held, before anybody is told. */
  #hold(grant: Grant, { mode, leaseMs }: Acquisition): Lease {
    const lease = new Lease(this.#context, this, grant, {
      ...this.#options,
      ...(leaseMs === null ? {} : { leaseDuration: leaseMs }),
    })
    this.#waiting = null
    this.#lease = lease
    lease.begin(mode, grant)
    return lease
  }

  #acquisition(givenUp: AbortSignal, { blocking, steal }: AcquireOptions): Acquisition {
    const { runtime, connection, sessions, events, options, leases, background, closing } = this.#context
    return {
      runtime,
      connection,
      sessions,
      lock: this.id,
      name: this.name,
      leaseMs: this.#options.leaseDuration ?? options.leaseDuration ?? null,
      stallTimeoutMs: this.#options.stallTimeout ?? null,
      mode: this.#options.mode ?? 'exclusive',
      steal: steal ?? this.#options.steal ?? null,
      info: this.#options.info,
      blocking: blocking ?? this.#options.blocking ?? true,
      retryIntervalMs: options.retryInterval ?? DEFAULT_RETRY_INTERVAL_MS,
      givenUp,
      closing,
      emit: (event) => events.emit(event),
      background,
      heldHere: () => [...leases].some(({ name }) => name === this.name),
    }
  }

  /** The verdict that a server is a classic one falls with a failed request, unless something depends on it. */
  #forgetClassic(error: unknown): void {
    const failed = isLockableError(error) && FAILED_REQUEST.has(error.code)
    if (failed && this.#context.leases.size === 0) this.#context.connection.forgetClassic()
  }

  #limit(wanted: LinkedAbort, timeout: number) {
    if (timeout === Number.POSITIVE_INFINITY) return () => {}
    return this.#context.runtime.setTimer(() => {
      const message = `The lock ${JSON.stringify(this.name)} was not granted within ${timeout} ms.`
      wanted.abort(new LockTimeoutError(message, timeout))
    }, timeout)
  }

  #busy(): LockableError {
    const state = this.state === 'waiting' ? 'waits already' : 'is held already'
    return new LockableError(
      'lock-busy',
      `This Lock of ${JSON.stringify(this.name)} ${state}, and locks are not reentrant. To queue again, make another Lock of that name.`,
    )
  }
}

function handBack(acquisition: Acquisition, { owner, term, place }: Grant): void {
  if (place !== null) return place.giveUp()
  acquisition.background(owner === null ? releaseLateGrant(acquisition, term) : giveBack(acquisition, owner))
}

function throwIfLost(lease: Lease, cause?: unknown): void {
  const { loss } = lease
  if (loss === null) return
  if (cause === undefined || cause === lease.signal.reason) throw lease.signal.reason
  throw new LockLostError(lease.name, loss, { cause })
}
