import { createStore, type StoreApi } from 'zustand/vanilla'
import { isLockableError, type Lease, type Lock, type Lockable, type Loss } from '../index.ts'
import { lockStore } from '../store/index.ts'
import { type Attempt, beginAttempt, type Manner } from './attempt.ts'
import { callEach, markHandled } from './callbacks.ts'
import { warnInDevelopment } from './development.ts'
import type { LockCallbacks, SharedLockOptions } from './lock-options.ts'
import { IDLE, type LockView } from './lock-view.ts'
import { differences, isMadeAlike, type MadeWith, madeWith } from './shared-options.ts'
import { follow, type Stand, viewOf } from './stand.ts'

/** A component that uses a handle. */
export interface Participant {
  /** Those of the latest render. */
  readonly options: SharedLockOptions & LockCallbacks
}

/**
 * The lock that all components with one client and one name share. It is let go one macrotask after the last component
 * that wants it has gone, so that one which comes back in between (StrictMode, a new `key`, Fast Refresh) still has it.
 */
export class LockHandle {
  readonly name: string
  readonly #client: Lockable
  readonly #forget: () => void
  readonly #stopFollowing: () => void
  readonly #view: StoreApi<LockView> = createStore<LockView>(() => IDLE)
  readonly #present = new Set<Participant>()
  /** Who wants the lock, the first one first; also one that is about to be present. */
  readonly #wanting = new Set<Participant>()
  /** The lease that a component was told of last: one that comes back is not told again. */
  readonly #told = new WeakMap<Participant, Lease>()
  /** What an attempt that yielded to another one comes to. */
  readonly #heirs = new WeakMap<Attempt, Promise<Lease>>()
  #stand: Stand = { phase: 'idle' }
  #lock: { readonly lock: Lock; readonly madeWith: MadeWith } | null = null
  /** The end of what was let go, which the next attempt waits for. */
  #ending: Promise<null> | null = null
  #settling: ReturnType<typeof setTimeout> | null = null
  #warned = false
  #watching = false
  #stopWatching: () => void = () => {}

  /** @param forget called when nobody uses the handle any more. */
  constructor(client: Lockable, name: string, forget: () => void) {
    this.name = name
    this.#client = client
    this.#forget = forget
    this.#stopFollowing = lockStore(client).subscribe(() => this.#become(this.#stand))
    this.#settleSoon()
  }

  get view(): LockView {
    return this.#view.getState()
  }

  subscribe(listener: () => void): () => void {
    return this.#view.subscribe(listener)
  }

  /**
   * Lets `participant` take part, and takes the lock if it wants that and is the first to. One that joins others shows
   * what they show, be it `lost`: they must notice.
   *
   * @returns the way to leave.
   */
  join(participant: Participant, wants: boolean): () => void {
    this.#present.add(participant)
    if (wants) {
      this.#warnOfDifferences(participant)
      const isFirst = this.#wanting.size === 0
      this.#wanting.add(participant)
      if (isFirst || this.#stand.phase === 'idle') void this.#pursue('in-turn')
    }
    this.#tellAcquired([participant])
    return () => {
      this.#present.delete(participant)
      this.#wanting.delete(participant)
      this.#settleSoon()
    }
  }

  /** Takes the lock for `participant`, or joins the wait for it. */
  acquire(participant: Participant, manner: Manner): Promise<Lease> {
    this.#wanting.add(participant)
    if (!this.#present.has(participant)) this.#settleSoon()
    return this.#pursue(manner)
  }

  /** Lets go for everybody, until somebody wants the lock anew. */
  release(): Promise<boolean> {
    this.#wanting.clear()
    return this.#letGo('release() was called')
  }

  #pursue(manner: Manner): Promise<Lease> {
    const stand = this.#stand
    if (stand.phase === 'held' && stand.lease.state === 'held') return Promise.resolve(stand.lease)
    if (stand.phase === 'acquiring') return this.#join(stand, manner)
    try {
      return this.#begin(this.#lockToUse(), manner, this.#ending)
    } catch (error) {
      return this.#fail(error)
    }
  }

  #join({ attempt, outcome }: Extract<Stand, { phase: 'acquiring' }>, manner: Manner): Promise<Lease> {
    if (manner === 'in-turn' || attempt.manner === manner) return outcome
    const yielded = attempt.yield(abortError(this.name, 'it is taken over instead'))
    const heir = this.#begin(attempt.lock, manner, yielded)
    this.#heirs.set(attempt, heir)
    return heir
  }

  #begin(lock: Lock, manner: Manner, before: Promise<Lease | null> | null): Promise<Lease> {
    const attempt = beginAttempt(lock, manner, before)
    const outcome = attempt.outcome.then(
      (lease) => this.#granted(attempt, lease),
      (error) => this.#rejected(attempt, error),
    )
    this.#become({ phase: 'acquiring', attempt, outcome })
    return markHandled(outcome)
  }

  #granted(attempt: Attempt, lease: Lease): Promise<Lease> {
    const heir = this.#heirs.get(attempt)
    if (heir !== undefined) return heir
    // Let go in the same moment: the attempt releases the lease.
    if (!this.#isCurrent(attempt)) return Promise.reject(attempt.signal.reason)
    this.#become({ phase: 'held', lock: attempt.lock, lease })
    this.#tellAcquired(this.#present)
    return Promise.resolve(lease)
  }

  #rejected(attempt: Attempt, error: unknown): Promise<Lease> {
    const heir = this.#heirs.get(attempt)
    if (heir !== undefined) return heir
    if (!this.#isCurrent(attempt)) return Promise.reject(error)
    if (!isLockableError(error) || error.code !== 'could-not-acquire') return this.#fail(error)
    this.#become({ phase: 'refused', lock: attempt.lock })
    return Promise.reject(error)
  }

  #fail(reason: unknown): Promise<Lease> {
    const error = reason instanceof Error ? reason : new Error(String(reason))
    this.#become({ phase: 'failed', error })
    callEach(this.#present, ({ options }) => options.onError?.(error))
    return markHandled(Promise.reject(error))
  }

  #tellAcquired(participants: Iterable<Participant>): void {
    if (this.#stand.phase !== 'held') return
    const { lease } = this.#stand
    callEach(participants, (participant) => {
      if (this.#told.get(participant) === lease) return
      this.#told.set(participant, lease)
      participant.options.onAcquired?.(lease)
    })
  }

  #isCurrent(attempt: Attempt): boolean {
    return this.#stand.phase === 'acquiring' && this.#stand.attempt === attempt
  }

  #letGo(why: string): Promise<boolean> {
    const stand = this.#stand
    this.#become({ phase: 'idle' })
    if (stand.phase === 'acquiring') {
      const ended = stand.attempt.letGo(abortError(this.name, why))
      return this.#awaitBeforeNext(ended.then(() => false))
    }
    return stand.phase === 'held' ? this.#awaitBeforeNext(stand.lease.release()) : Promise.resolve(false)
  }

  #awaitBeforeNext(task: Promise<boolean>): Promise<boolean> {
    const ending: Promise<null> = task.then(
      () => null,
      () => null,
    )
    this.#ending = ending
    return markHandled(task)
  }

  /** The leader's options count; a `Lock` is kept as long as they do not change. */
  #lockToUse(): Lock {
    const options = madeWith(this.#leader?.options ?? {})
    if (this.#lock !== null && isMadeAlike(this.#lock.madeWith, options)) return this.#lock.lock
    const lock = this.#client.lock(this.name, {
      ...options,
      onLockLoss: (loss) => this.#tellLoss(loss),
      onHeartbeatException: (error) => {
        callEach(this.#present, ({ options }) => options.onHeartbeatException?.(error))
      },
    })
    this.#lock = { lock, madeWith: options }
    return lock
  }

  get #leader(): Participant | undefined {
    return [...this.#wanting, ...this.#present][0]
  }

  #tellLoss(loss: Loss): void {
    callEach(this.#present, ({ options }) => options.onLockLoss?.(loss))
    if (this.#stand.phase === 'lost' && this.#wanting.size > 0 && this.#leader?.options.autoReacquire === true) {
      void this.#pursue('in-turn')
    }
  }

  #become(stand: Stand): void {
    const state = lockStore(this.#client).getState()
    this.#stand = follow(stand, state)
    this.#view.setState(viewOf(this.#stand, this.name, state, this.view), true)
    this.#watch(this.view.status === 'blocked')
  }

  /** A wait is answered seldom, and a refusal once: who holds meanwhile is seen by looking at the name. */
  #watch(wanted: boolean): void {
    if (wanted === this.#watching) return
    this.#watching = wanted
    if (wanted) this.#stopWatching = this.#client.watch([this.name], () => {})
    else this.#stopWatching()
  }

  #settleSoon(): void {
    this.#settling ??= setTimeout(() => this.#settle(), 0)
  }

  #settle(): void {
    this.#settling = null
    for (const participant of this.#wanting) {
      if (!this.#present.has(participant)) this.#wanting.delete(participant)
    }
    if (this.#wanting.size === 0) void this.#letGo(LET_GO)
    if (this.#present.size > 0) return
    this.#stopFollowing()
    this.#forget()
  }

  #warnOfDifferences(participant: Participant): void {
    const leader = this.#leader
    if (this.#warned || leader === undefined || leader === participant) return
    const options = differences(leader.options, participant.options)
    if (options.length === 0) return
    this.#warned = true
    warnInDevelopment(
      `two components use the lock ${JSON.stringify(this.name)} with different options (${options.join(', ')}). Those of the first one count: give both the same.`,
    )
  }
}

const LET_GO = 'no component that is mounted wants it any more'

/** The reason to give an acquisition up with. Not a `DOMException`, which not every runtime has. */
function abortError(name: string, why: string): Error {
  const error = new Error(`The lock ${JSON.stringify(name)} was let go before it was acquired: ${why}.`)
  error.name = 'AbortError'
  return error
}
