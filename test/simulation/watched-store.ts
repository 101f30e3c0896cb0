import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  AttendSessionStep,
  AttendStep,
  Changed,
  CommandOutcome,
  EndHoldersStep,
  ExecuteOutcome,
  ExecuteStep,
  ListStep,
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
  StoreCommand,
  StoreTraits,
} from '../../src/server/store.ts'
import type { BroughtBack } from './brought-back.ts'
import { LockWatch, type LockWatchOptions } from './lock-watch.ts'
import { SessionWatch } from './session-watch.ts'
import type { WatchedSession } from './watched-lock.ts'

export interface WatchedStoreOptions extends Omit<LockWatchOptions, 'before'> {
  readonly namespace: string
  /** The store of the process before, which this one knows nothing of; `null`: there is none, or this one knows all. */
  readonly before: WatchedStore | null
}

/**
 * A store that is looked at from outside: it knows nothing of how the store works, only compares what it says with the
 * rules of the queue, of fencing, of claims, of sessions and of waking up.
 */
export class WatchedStore implements LockStore {
  readonly traits: StoreTraits
  readonly #store: LockStore
  readonly #options: WatchedStoreOptions
  readonly #locks: LockWatch
  readonly #sessions: SessionWatch
  readonly #unwatch: () => void
  #steps = 0
  /** The acquire that the store is at. */
  #asking: { readonly step: AcquireStep; hasChanged: boolean } | null = null

  constructor(store: LockStore, options: WatchedStoreOptions) {
    this.traits = store.traits
    this.#store = store
    this.#options = options
    this.#locks = new LockWatch({ ...options, before: options.before?.locks ?? null })
    this.#sessions = new SessionWatch(this.#locks, options.namespace)
    this.#unwatch = store.watch((changed) => void this.#changed(changed))
  }

  get locks(): LockWatch {
    return this.#locks
  }

  /** What a store came back with is promised as if it had just been granted. */
  adopt({ sessions, holds }: BroughtBack): void {
    const known = new Map(sessions.map((session) => [session.id, this.#sessions.adopt(session)]))
    for (const hold of holds) this.#locks.adopt(hold, known.get(hold.session ?? '') ?? null)
  }

  /** The process of the store is gone. */
  retire(): void {
    this.#unwatch()
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    const { sender } = this.#options.history
    const asking = { step, hasChanged: false }
    const outcome = await this.#observe(step.name, () => {
      this.#asking = asking
      const answer = this.#store.acquire(step)
      this.#asking = null
      return answer
    })
    this.#locks.note(`acquire ${step.owner} ${step.name} ${step.steal ?? ''}`, outcome)
    if (outcome.kind === 'granted') {
      this.#locks.heardOfGrant({ ref: step, granted: outcome, asked: step, sender, session: () => null })
    } else if (outcome.kind === 'queued') {
      // Whoever was granted the lock in this step was there before.
      this.#locks.takeGrants()
      this.#locks.queued(step, step, step.waitMs, null, asking.hasChanged)
    }
    // Who is refused had no place, or lost it in this step.
    else if (outcome.kind === 'spent' || outcome.kind === 'refused') this.#locks.gone(step)
    this.#stepEnded()
    return outcome
  }

  async attend(step: AttendStep): Promise<AttendOutcome> {
    const outcome = await this.#observe(step.name, () => this.#store.attend(step))
    this.#locks.note(`attend ${step.owner} ${step.name}`, outcome)
    this.#attended(step, outcome, null)
    this.#stepEnded()
    return outcome
  }

  async renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    for (const step of steps) {
      this.#locks.lookAtWaking(step.name)
      this.#locks.checkSender(step, 'renew')
    }
    const outcomes = await this.#store.renew(steps)
    for (const [index, step] of steps.entries()) {
      const outcome = outcomes[index]
      this.#locks.note(`renew ${step.owner} ${step.name}`, outcome)
      if (outcome?.kind === 'renewed') this.#locks.renewed(step, outcome)
      else this.#locks.lost(step, outcome?.reason ?? 'unknown')
    }
    return outcomes
  }

  async release(step: OwnerRef): Promise<ReleaseOutcome> {
    this.#locks.lookAtWaking(step.name)
    this.#locks.checkSender(step, 'free')
    // What is promoted in this very step comes after the release.
    this.#locks.gone(step)
    const outcome = await this.#store.release(step)
    this.#locks.note(`release ${step.owner} ${step.name}`, outcome)
    this.#locks.released(step)
    return outcome
  }

  inspect(ref: LockRef): Promise<LockState> {
    this.#locks.lookAtWaking(ref.name)
    return this.#store.inspect(ref)
  }

  list(step: ListStep): Promise<LockPage> {
    this.#locks.lookAtAll()
    return this.#store.list(step)
  }

  /** Nobody in the simulation forces anything: the watch has no rules for it. */
  endHolders(step: EndHoldersStep): Promise<number> {
    return this.#store.endHolders(step)
  }

  revoke(step: RevokeStep): Promise<Revoked> {
    return this.#store.revoke(step)
  }

  async execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    const outcome = await this.#observe(null, () => this.#store.execute(step))
    const operations = step.commands.map(({ op }) => op).join(' ')
    this.#locks.note(`execute ${step.session} ${step.seq} ${operations}`, outcome)
    if (outcome.kind === 'session-gone') this.#sessions.gone(step.session, outcome)
    else if (outcome.kind === 'seq-spent') this.#sessions.refused(step)
    else if (outcome.kind === 'executed') {
      const isNew = this.#sessions.find(step.session) === null
      if (isNew) this.#options.history.sessions += 1
      const session = this.#sessions.executed(step, outcome.standing)
      this.#carriedOut(session, step, outcome.outcomes)
      this.#sessions.stands(session, outcome.standing)
    }
    this.#stepEnded()
    return outcome
  }

  async renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    const outcome = await this.#observe(null, () => this.#store.renewSession(step))
    this.#locks.note(`renew session ${step.session}`, outcome)
    this.#stood(step.session, outcome, (session, standing) => this.#sessions.renewed(session, step.confirm, standing))
    this.#stepEnded()
    return outcome
  }

  async attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    const outcome = await this.#observe(null, () => this.#store.attendSession(step))
    this.#locks.note(`attend session ${step.session} ${step.attachMs}`, outcome)
    this.#stood(step.session, outcome, (session, standing) => this.#sessions.attended(session, step.attachMs, standing))
    this.#stepEnded()
    return outcome
  }

  async endSession(id: string): Promise<ReleaseOutcome> {
    this.#locks.lookAtAll()
    // What is promoted in this very step comes after the end.
    this.#sessions.ended(id)
    const outcome = await this.#store.endSession(id)
    this.#locks.note(`end session ${id}`, outcome)
    return outcome
  }

  watch(listener: (changed: Changed) => void): () => void {
    return this.#store.watch(listener)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  /**
   * Only a holder can be found by this, or nobody: it neither renews nor prolongs anything. But who is just asking may
   * have been removed and taken in again, in one step; the answer tells.
   */
  async #changed(changed: Changed): Promise<void> {
    if (this.#asking !== null && isSame(this.#asking.step, changed)) {
      this.#asking.hasChanged = true
      return
    }
    const step = { ...changed, attachMs: 0 }
    const outcome = await this.#observe(changed.name, () => this.#store.attend(step))
    this.#locks.note(`changed ${changed.owner} ${changed.name}`, outcome)
    // A release tells of itself, as a thief does; and what was asked for before that in the same step comes before it.
    const reason = outcome.kind === 'spent' ? outcome.reason : null
    if (reason === 'stolen') this.#locks.stolen(step)
    // Who is not remembered had a ticket that ran out, or was released where nothing is remembered.
    else if (outcome.kind === 'gone') this.#locks.unqueued(step)
    else if (reason !== 'released') this.#attended(step, outcome, changed.session)
    this.#stepEnded()
  }

  async #observe<Outcome>(name: string | null, act: () => Promise<Outcome>): Promise<Outcome> {
    if (name === null) this.#locks.lookAtAll()
    else this.#locks.lookAtWaking(name)
    this.#steps += 1
    return act()
  }

  #stepEnded(): void {
    this.#steps -= 1
    if (this.#steps === 0) this.#locks.takeGrants()
  }

  #attended(step: AttendStep, outcome: AttendOutcome, id: string | null): void {
    if (outcome.kind === 'granted') {
      const session = () => (id === null ? null : this.#sessions.known(id))
      this.#locks.heardOfGrant({ ref: step, granted: outcome, asked: null, sender: null, session })
    } else if (outcome.kind === 'queued') this.#locks.attended(step, step.attachMs)
    else this.#locks.ended(step, outcome.kind === 'spent' ? outcome.reason : 'unknown')
  }

  #stood(
    id: string,
    outcome: SessionOutcome,
    happened: (session: WatchedSession, standing: Extract<SessionOutcome, { kind: 'standing' }>) => void,
  ): void {
    if (outcome.kind === 'session-gone') return this.#sessions.gone(id, outcome)
    const session = this.#sessions.find(id)
    if (session === null) return this.#locks.broken('session', `${id} stands, and was never opened or is over`)
    happened(session, outcome)
    this.#locks.takeGrants()
    this.#sessions.stands(session, outcome)
  }

  /** What was released in a step is free before anything is granted in it: the grants are told together at its end. */
  #carriedOut(session: WatchedSession, { commands }: ExecuteStep, outcomes: readonly CommandOutcome[]): void {
    const released = commands.flatMap((command) => (command.op === 'release' ? [this.#refOf(command)] : []))
    for (const ref of released) this.#locks.leaves(ref)
    for (const [index, command] of commands.entries()) {
      const outcome = outcomes[index]
      if (command.op !== 'acquire') continue
      const ref = this.#refOf(command)
      this.#locks.asks(ref, command)
      if (outcome?.kind === 'granted') {
        this.#locks.heardOfGrant({ ref, granted: outcome, asked: command, sender: null, session: () => session })
      }
    }
    this.#locks.takeGrants()
    for (const [index, command] of commands.entries()) this.#waits(session, command, outcomes[index])
    // Those too that were acquired and released again.
    for (const ref of released) this.#locks.left(ref)
    const last = outcomes.at(-1)
    if (last?.kind === 'synced') this.#sessions.synced(session, last, this.#locks.names)
  }

  #waits(session: WatchedSession, command: StoreCommand, outcome: CommandOutcome | undefined): void {
    if (command.op !== 'acquire' || outcome === undefined) return
    const ref = this.#refOf(command)
    if (outcome.kind === 'queued') this.#locks.queued(ref, command, 0, session, false)
    else if (outcome.kind === 'spent') this.#locks.ended(ref, outcome.reason)
    else if (outcome.kind === 'refused') this.#locks.gone(ref)
  }

  #refOf({ name, owner }: { readonly name: string; readonly owner: string }): OwnerRef {
    return { namespace: this.#options.namespace, name, owner }
  }
}

function isSame(one: OwnerRef, other: OwnerRef): boolean {
  return one.name === other.name && one.owner === other.owner
}
