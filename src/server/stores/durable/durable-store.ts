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
import type { Inherited } from '../memory/inherited.ts'
import type { Remembrance } from '../memory.ts'
import type { Database, Entry } from './database.ts'
import { Journal } from './journal.ts'
import { JournalledLedger } from './journalled-ledger.ts'

export interface DurableStoreOptions {
  /** What `traits` shall say. */
  readonly kind: string
  readonly database: Database
  /** What is in the database. */
  readonly entries: readonly Entry[]
  /** What that says. */
  readonly inherited: Inherited
  /** Makes the store that carries out the steps, each whole before the call returns, and tells the ledger of them. */
  readonly createSteps: (remembrance: Remembrance) => LockStore
  /** Told once when the database can no longer be written, and the store is closed. */
  readonly onError: (error: unknown) => void
}

/**
 * A store that comes back from a restart with its locks. Fixed ends do not come back: who was told of one may be renewed
 * again.
 *
 * The steps are carried out in memory, and answered when all that they did, or could see, is on disk. Where that cannot
 * be written, memory is ahead of it, so nothing is answered any more: the store closes itself.
 */
export class DurableStore implements LockStore {
  readonly traits: StoreTraits
  readonly #journal: Journal
  readonly #ledger: JournalledLedger
  readonly #steps: LockStore

  constructor({ kind, database, entries, inherited, createSteps, onError }: DurableStoreOptions) {
    this.#journal = new Journal(database, entries, (error) => {
      void this.#steps.close()
      onError(error)
    })
    this.#ledger = new JournalledLedger(this.#journal, inherited)
    this.#steps = createSteps({ inherited, ledger: this.#ledger })
    this.traits = { ...this.#steps.traits, kind, durable: true, restart: 'durable' }
  }

  /** No fencing token so far was larger; 0 if there was none. */
  get lastToken(): number {
    return this.#ledger.lastToken
  }

  /** Resolves when what has come back is fit to be told of. Throws a {@link StoreUnavailableError}. */
  async ready(): Promise<void> {
    await this.#journal.settled()
    this.#check()
  }

  acquire(step: AcquireStep): Promise<AcquireOutcome> {
    return this.#settled(this.#steps.acquire(step))
  }

  attend(step: AttendStep): Promise<AttendOutcome> {
    return this.#settled(this.#steps.attend(step))
  }

  renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    return this.#settled(this.#steps.renew(steps))
  }

  release(step: OwnerRef): Promise<ReleaseOutcome> {
    return this.#settled(this.#steps.release(step))
  }

  inspect(ref: LockRef): Promise<LockState> {
    return this.#settled(this.#steps.inspect(ref))
  }

  list(step: ListStep): Promise<LockPage> {
    return this.#settled(this.#steps.list(step))
  }

  endHolders(step: EndHoldersStep): Promise<number> {
    return this.#settled(this.#steps.endHolders(step))
  }

  revoke(step: RevokeStep): Promise<Revoked> {
    return this.#settled(this.#steps.revoke(step))
  }

  execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    return this.#settled(this.#steps.execute(step))
  }

  renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    return this.#settled(this.#steps.renewSession(step))
  }

  attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    return this.#settled(this.#steps.attendSession(step))
  }

  endSession(session: string): Promise<ReleaseOutcome> {
    return this.#settled(this.#steps.endSession(session))
  }

  /** A hint, too, waits for the disk. */
  watch(listener: (changed: Changed) => void): () => void {
    return this.#steps.watch((changed) => {
      const settled = this.#journal.settled()
      if (settled === null) listener(changed)
      else void settled.then(() => listener(changed))
    })
  }

  observe(listener: (fact: LockFact) => void): () => void {
    return this.#steps.observe?.(listener) ?? (() => undefined)
  }

  census(): Census | null {
    return this.#steps.census?.() ?? null
  }

  async close(): Promise<void> {
    await this.#steps.close()
    await this.#journal.close()
  }

  async #settled<Outcome>(step: Promise<Outcome>): Promise<Outcome> {
    const outcome = await step
    await this.#journal.settled()
    this.#check()
    return outcome
  }

  #check(): void {
    const { failure } = this.#journal
    if (failure === null) return
    throw new StoreUnavailableError('The disk could not be written, so this store is closed.', { cause: failure })
  }
}
