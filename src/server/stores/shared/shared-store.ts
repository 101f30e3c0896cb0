import type { ServerClock } from '../../clock.ts'
import {
  type AcquireOutcome,
  type AcquireStep,
  type AttendOutcome,
  type AttendSessionStep,
  type AttendStep,
  type Census,
  type Changed,
  type EndHoldersStep,
  type ExecuteOutcome,
  type ExecuteStep,
  type ListStep,
  type LockFact,
  type LockPage,
  type LockRef,
  type LockState,
  type LockStore,
  type OwnerRef,
  type ReleaseOutcome,
  type RenewOutcome,
  type RenewSessionStep,
  type RenewStep,
  type Revoked,
  type RevokeStep,
  type SessionOutcome,
  type StoreTraits,
  StoreUnavailableError,
} from '../../store.ts'
import { TICKET_MS } from '../../timing.ts'
import type { StoreInMemory } from '../memory.ts'
import { Batch } from './batch.ts'
import type { StepCall } from './entry.ts'
import { Follower, type FollowerOptions } from './follower.ts'
import type { Replica } from './replica.ts'
import { PATIENCE_MS } from './timing.ts'

export interface SharedStoreOptions extends FollowerOptions {
  /** What `traits` shall say. */
  readonly kind: string
}

/** What never lets anybody in: other servers need not hear of it at once. */
const QUIET: ReadonlySet<StepCall[0]> = new Set(['attend', 'renew', 'renewSession', 'attendSession'])

/**
 * A store that any number of servers share: each writes its steps into one log, and carries out all that is in it, in
 * its order. So they all come to the same state, and the answer to a step is what it has come to there.
 *
 * While a request to the log is on its way the next one gathers. A step that could not be written for 3 s throws
 * {@link StoreUnavailableError}, and may be carried out even so.
 */
export class SharedStore implements LockStore {
  readonly traits: StoreTraits
  readonly #clock: ServerClock
  readonly #follower: Follower
  readonly #listeners = new Set<(changed: Changed) => void>()
  readonly #observers = new Set<(fact: LockFact) => void>()
  /** Of those that wait for a request, the last one gathers. */
  readonly #waiting: Batch[] = []
  #running: Promise<void> | null = null
  #isBehind = false
  #isClosed = false

  /** Reads the log. Rejects if that cannot be done, and with an `Error` that says what to do if it is of another version. */
  static async open({ kind, ...options }: SharedStoreOptions): Promise<SharedStore> {
    const store = new SharedStore(kind, options.clock, await Follower.open(options))
    options.log.watch(() => store.#hinted())
    return store
  }

  private constructor(kind: string, clock: ServerClock, follower: Follower) {
    this.#clock = clock
    this.traits = { kind, durable: true, linearizable: true, restart: 'durable' }
    this.#follower = follower
    follower.listen({
      wake: () => this.#go(),
      replaced: (before, after) => this.#replaced(before, after),
    })
    this.#listen(follower.replica)
  }

  /** No fencing token so far was larger; 0 if there was none. */
  get lastToken(): number {
    return this.#steps.lastToken
  }

  acquire(step: AcquireStep): Promise<AcquireOutcome> {
    return this.#ask(['acquire', step])
  }

  attend(step: AttendStep): Promise<AttendOutcome> {
    return this.#ask(['attend', step])
  }

  renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    return this.#ask(['renew', steps])
  }

  release(step: OwnerRef): Promise<ReleaseOutcome> {
    return this.#ask(['release', step])
  }

  inspect(ref: LockRef): Promise<LockState> {
    return this.#read((steps) => steps.inspect(ref))
  }

  execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    return this.#ask(['execute', step])
  }

  renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    return this.#ask(['renewSession', step])
  }

  /** Streams ask every second, so where it would change nothing it is answered from what is known. */
  async attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    this.#check()
    const { outcome, liveForMs } = this.#steps.lookAtSession(step.session)
    // It may have been opened at another server a moment ago.
    if (outcome.kind !== 'standing') return this.#read(async (steps) => steps.lookAtSession(step.session).outcome)
    const isAttended = step.attachMs > 0 && liveForMs > TICKET_MS
    return outcome.isWaiting && !isAttended ? this.#ask(['attendSession', step]) : outcome
  }

  list(step: ListStep): Promise<LockPage> {
    return this.#read((steps) => steps.list(step))
  }

  endHolders(step: EndHoldersStep): Promise<number> {
    return this.#ask(['endHolders', step])
  }

  revoke(step: RevokeStep): Promise<Revoked> {
    return this.#ask(['revoke', step])
  }

  endSession(session: string): Promise<ReleaseOutcome> {
    return this.#ask(['endSession', session])
  }

  watch(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  observe(listener: (fact: LockFact) => void): () => void {
    this.#observers.add(listener)
    return () => this.#observers.delete(listener)
  }

  census(): Census {
    return this.#steps.census()
  }

  /** Locks stay as they are: other servers, and later ones, go on with them. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#follower.stop()
    // A request that is still on its way ends with the log.
    await Promise.race([this.#running, new Promise<void>((resolve) => this.#clock.setTimer(resolve, PATIENCE_MS))])
    this.#failAll(closed())
    await this.#follower.close()
    // Whoever waits would wait in vain.
    await this.#steps.close()
    this.#listeners.clear()
  }

  get #steps(): StoreInMemory {
    return this.#follower.replica.store
  }

  async #ask<Outcome>(call: StepCall): Promise<Outcome> {
    this.#check()
    const outcome = this.#gathering((batch) => batch.hasRoomFor(call)).ask<Outcome>(call)
    this.#go()
    return outcome
  }

  async #read<Outcome>(look: (steps: StoreInMemory) => Promise<Outcome>): Promise<Outcome> {
    this.#check()
    const outcome = this.#gathering(() => true).read(() => look(this.#steps))
    this.#go()
    return outcome
  }

  #check(): void {
    const { failure } = this.#follower
    if (failure !== null) throw new StoreUnavailableError(`This store is closed: ${failure.message}`)
    if (this.#isClosed) throw closed()
  }

  #hinted(): void {
    this.#isBehind = true
    this.#go()
  }

  #go(): void {
    // After this turn, so that all its steps go together.
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  async #run(): Promise<void> {
    while (this.#hasWork) await this.#round()
    this.#running = null
  }

  get #hasWork(): boolean {
    if (this.#isClosed || this.#follower.failure !== null) return false
    return this.#isBehind || this.#follower.isDue || this.#waiting.length > 0
  }

  async #round(): Promise<void> {
    const batch = this.#waiting.shift() ?? new Batch(this.#clock.now())
    const { calls, since } = batch
    this.#isBehind = false
    try {
      batch.carriedOut(await this.#follower.follow(calls, calls.some(isNews), since + PATIENCE_MS))
    } catch (error) {
      batch.fail(unavailable(error))
      const { failure } = this.#follower
      if (failure !== null) this.#failAll(unavailable(failure))
      else this.#failOverdue(unavailable(error))
    }
  }

  /** Those that have waited long enough need not try for themselves what has just failed. */
  #failOverdue(error: Error): void {
    while ((this.#waiting[0]?.since ?? Number.POSITIVE_INFINITY) + PATIENCE_MS <= this.#clock.now()) {
      this.#waiting.shift()?.fail(error)
    }
  }

  #gathering(hasRoom: (batch: Batch) => boolean): Batch {
    const last = this.#waiting.at(-1)
    if (last !== undefined && hasRoom(last)) return last
    const batch = new Batch(this.#clock.now())
    this.#waiting.push(batch)
    return batch
  }

  #failAll(error: Error): void {
    for (const batch of this.#waiting.splice(0)) batch.fail(error)
  }

  #replaced(before: Replica, after: Replica): void {
    this.#listen(after)
    // Hints at all who wait, and so have to ask again.
    void before.store.close()
  }

  #listen({ store }: Replica): void {
    store.watch((changed) => {
      for (const listener of this.#listeners) listener(changed)
    })
    store.observe((fact) => {
      for (const observer of this.#observers) observer(fact)
    })
  }
}

function isNews([operation]: StepCall): boolean {
  return !QUIET.has(operation)
}

function unavailable(cause: unknown): StoreUnavailableError {
  if (cause instanceof StoreUnavailableError) return cause
  return new StoreUnavailableError(`The store cannot be reached: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  })
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError('This store is closed.')
}
