import type { ServerClock } from '../clock.ts'
import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  AttendSessionStep,
  AttendStep,
  Census,
  Changed,
  CommandOutcome,
  EndHoldersStep,
  ExecuteOutcome,
  ExecuteStep,
  ListStep,
  LockFact,
  LockPage,
  LockRef,
  LockState,
  LockStore,
  OwnerRef,
  ReleaseOutcome,
  RenewOutcome,
  RenewSessionStep,
  RenewStep,
  Revoked,
  RevokeStep,
  SessionOutcome,
  StoreTraits,
} from '../store.ts'
import type { HeartbeatResult, Observer, ReleaseResult, StoreOperation } from './facts.ts'

/** A store that tells what is asked of it, what comes of that, and how long it takes. */
export class ObservedStore implements LockStore {
  readonly #store: LockStore
  readonly #clock: ServerClock
  readonly #observe: Observer

  constructor(store: LockStore, clock: ServerClock, observer: Observer) {
    this.#store = store
    this.#clock = clock
    this.#observe = observer
  }

  get traits(): StoreTraits {
    return this.#store.traits
  }

  get graceMs(): number {
    return this.#store.graceMs ?? 0
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    const outcome = await this.#timed('acquire', () => this.#store.acquire(step))
    this.#observe({ kind: 'acquire', result: outcome.kind, mode: step.mode })
    return outcome
  }

  attend(step: AttendStep): Promise<AttendOutcome> {
    return this.#timed('attend', () => this.#store.attend(step))
  }

  async renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    const outcomes = await this.#timed('renew', () => this.#store.renew(steps))
    for (const outcome of outcomes) this.#observe({ kind: 'heartbeat', result: renewalOf(outcome), isSession: false })
    return outcomes
  }

  async release(step: OwnerRef): Promise<ReleaseOutcome> {
    const outcome = await this.#timed('release', () => this.#store.release(step))
    this.#observe({ kind: 'release', result: releaseOf(outcome), isSession: false })
    return outcome
  }

  inspect(ref: LockRef): Promise<LockState> {
    return this.#timed('inspect', () => this.#store.inspect(ref))
  }

  list(step: ListStep): Promise<LockPage> {
    return this.#timed('list', () => this.#store.list(step))
  }

  endHolders(step: EndHoldersStep): Promise<number> {
    return this.#timed('endHolders', () => this.#store.endHolders(step))
  }

  revoke(step: RevokeStep): Promise<Revoked> {
    return this.#timed('revoke', () => this.#store.revoke(step))
  }

  async execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    const outcome = await this.#timed('execute', () => this.#store.execute(step))
    if (outcome.kind === 'executed') this.#tellCommands(step, outcome.outcomes)
    return outcome
  }

  async renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    const outcome = await this.#timed('renewSession', () => this.#store.renewSession(step))
    const result = outcome.kind === 'standing' ? 'renewed' : outcome.reason
    this.#observe({ kind: 'heartbeat', result, isSession: true })
    return outcome
  }

  attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    return this.#timed('attendSession', () => this.#store.attendSession(step))
  }

  async endSession(session: string): Promise<ReleaseOutcome> {
    const outcome = await this.#timed('endSession', () => this.#store.endSession(session))
    this.#observe({ kind: 'release', result: releaseOf(outcome), isSession: true })
    return outcome
  }

  watch(listener: (changed: Changed) => void): () => void {
    return this.#store.watch(listener)
  }

  observe(listener: (fact: LockFact) => void): () => void {
    return this.#store.observe?.(listener) ?? (() => undefined)
  }

  census(): Census | null {
    return this.#store.census?.() ?? null
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #timed<Outcome>(operation: StoreOperation, act: () => Promise<Outcome>): Promise<Outcome> {
    const startedAt = this.#clock.now()
    try {
      const outcome = await act()
      this.#observe({ kind: 'store-step', operation, ms: this.#clock.now() - startedAt, error: null })
      return outcome
    } catch (error) {
      this.#observe({ kind: 'store-step', operation, ms: this.#clock.now() - startedAt, error })
      throw error
    }
  }

  #tellCommands({ commands }: ExecuteStep, outcomes: readonly CommandOutcome[]): void {
    for (const [index, command] of commands.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) continue
      if (command.op === 'acquire' && isOfAcquire(outcome)) {
        this.#observe({ kind: 'acquire', result: outcome.kind, mode: command.mode })
      }
      if (command.op === 'release' && isOfRelease(outcome)) {
        this.#observe({ kind: 'release', result: releaseOf(outcome), isSession: false })
      }
    }
  }
}

function renewalOf(outcome: RenewOutcome): HeartbeatResult {
  if (outcome.kind === 'ended') return outcome.reason
  return outcome.ending === null ? 'renewed' : 'ending'
}

function releaseOf(outcome: ReleaseOutcome): ReleaseResult {
  return outcome.kind === 'ended' ? outcome.reason : 'released'
}

function isOfRelease(outcome: CommandOutcome): outcome is ReleaseOutcome {
  return outcome.kind === 'released' || outcome.kind === 'ended'
}

function isOfAcquire(outcome: CommandOutcome): outcome is AcquireOutcome {
  return !isOfRelease(outcome) && outcome.kind !== 'snapshot' && outcome.kind !== 'synced'
}
