import type { LockMode, Steal } from '../../src/protocol/wire.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  AttendStep,
  Granted,
  LockRef,
  LockState,
  LockStore,
  OwnerRef,
  ReleaseOutcome,
  RenewOutcome,
  RenewStep,
  StoreTraits,
} from '../../src/server/store.ts'
import type { Machine } from './machine.ts'
import type { ServerHistory } from './server-history.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

/** What the protocol promises, in ms. Written out here, since the product's own numbers may be wrong. */
const CLAIM_MS = 5_000
const TICKET_MS = 5_000
/** A free lock with somebody waiting is granted within so many ms of a server that runs. */
const WAKE_MS = 1_000
/** Rounding, and timers that are a little early. */
const SLACK_MS = 2

interface WatchedHolder {
  readonly token: number
  readonly mode: LockMode
  readonly isClaim: boolean
  /** Whose request it was, if that is known. */
  readonly sender: string | null
  until: number
}

interface WatchedWaiter {
  readonly since: number
  readonly mode: LockMode
  readonly steals: boolean
  liveUntil: number
}

interface WatchedGrant {
  readonly ref: OwnerRef
  readonly granted: Granted
  /** `null` if it was not an acquire that brought it. */
  readonly asked: AcquireStep | null
  readonly sender: string | null
}

interface WatchedLock {
  readonly holders: Map<string | null, WatchedHolder>
  /** In the order of their arrival. */
  readonly waiters: Map<string, WatchedWaiter>
  freeSince: number
}

export interface WatchedStoreOptions {
  readonly machine: Machine
  readonly clock: ServerClock
  readonly graceMs: number
  readonly verdict: Verdict
  readonly trace: Trace
  readonly history: ServerHistory
  readonly trueNow: () => number
}

/**
 * A store that is looked at from outside: it knows nothing of how the store works, only compares what it says with the
 * rules of the queue, of fencing, of claims and of waking up.
 */
export class WatchedStore implements LockStore {
  readonly traits: StoreTraits
  readonly #store: LockStore
  readonly #options: WatchedStoreOptions
  readonly #locks = new Map<string, WatchedLock>()
  readonly #released = new Set<string>()
  readonly #graceUntil: number
  readonly #grants: WatchedGrant[] = []
  #steps = 0
  /** The acquire that the store is at. */
  #asking: { readonly step: AcquireStep; hasChanged: boolean } | null = null

  constructor(store: LockStore, options: WatchedStoreOptions) {
    this.traits = store.traits
    this.#store = store
    this.#options = options
    this.#graceUntil = options.clock.now() + options.graceMs
    store.watch((waiter) => void this.#changed(waiter))
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    this.#lookAtWaking(step.name)
    this.#steps += 1
    const { sender } = this.#options.history
    this.#asking = { step, hasChanged: false }
    const asking = this.#asking
    const answer = this.#store.acquire(step)
    this.#asking = null
    const outcome = await answer
    this.#note(`acquire ${step.owner} ${step.name} ${step.steal ?? ''}`, outcome)
    if (outcome.kind === 'granted') this.#grants.push({ ref: step, granted: outcome, asked: step, sender })
    else if (outcome.kind === 'queued') {
      // Whoever was granted the lock in this step was there before.
      this.#takeGrants()
      this.#queued(step, asking.hasChanged)
    }
    // Who is refused had no place, or lost it in this step.
    else if (outcome.kind === 'spent' || outcome.kind === 'refused') this.#gone(step)
    this.#stepEnded()
    return outcome
  }

  async attend(step: AttendStep): Promise<AttendOutcome> {
    this.#lookAtWaking(step.name)
    this.#steps += 1
    const outcome = await this.#store.attend(step)
    this.#note(`attend ${step.owner} ${step.name}`, outcome)
    this.#attended(step, outcome)
    this.#stepEnded()
    return outcome
  }

  async renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    for (const step of steps) {
      this.#lookAtWaking(step.name)
      this.#checkSender(step, 'renew')
    }
    const outcomes = await this.#store.renew(steps)
    for (const [index, step] of steps.entries()) {
      const outcome = outcomes[index]
      this.#note(`renew ${step.owner} ${step.name}`, outcome)
      if (outcome?.kind !== 'renewed') {
        this.#gone(step)
        continue
      }
      const { holders } = this.#lock(step.name)
      const { mode, until, sender } = holders.get(step.owner) ?? { mode: 'exclusive', until: 0, sender: null }
      const prolonged = Math.max(until, this.#now + outcome.expiresInMs + SLACK_MS)
      holders.set(step.owner, { token: outcome.fencingToken, mode, isClaim: false, sender, until: prolonged })
    }
    return outcomes
  }

  async release(step: OwnerRef): Promise<ReleaseOutcome> {
    this.#lookAtWaking(step.name)
    this.#checkSender(step, 'free')
    // What is promoted in this very step comes after the release.
    this.#gone(step)
    const outcome = await this.#store.release(step)
    this.#note(`release ${step.owner} ${step.name}`, outcome)
    if (step.owner !== null) this.#released.add(key(step))
    return outcome
  }

  inspect(ref: LockRef): Promise<LockState> {
    this.#lookAtWaking(ref.name)
    return this.#store.inspect(ref)
  }

  watch(listener: (waiter: OwnerRef) => void): () => void {
    return this.#store.watch(listener)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  get #now(): number {
    return this.#options.clock.now()
  }

  /**
   * Only a holder can be found by this, or nobody: it neither renews nor prolongs anything. But who is just asking may
   * have been removed and taken in again, in one step; the answer tells.
   */
  async #changed(waiter: OwnerRef): Promise<void> {
    if (this.#asking !== null && key(this.#asking.step) === key(waiter)) {
      this.#asking.hasChanged = true
      return
    }
    this.#lookAtWaking(waiter.name)
    this.#steps += 1
    const outcome = await this.#store.attend({ ...waiter, attachMs: 0 })
    this.#note(`changed ${waiter.owner} ${waiter.name}`, outcome)
    this.#attended({ ...waiter, attachMs: 0 }, outcome)
    this.#stepEnded()
  }

  #stepEnded(): void {
    this.#steps -= 1
    if (this.#steps === 0) this.#takeGrants()
  }

  /** One step can grant to several; what is heard of first need not have been granted first. */
  #takeGrants(): void {
    const grants = this.#grants.splice(0).sort((one, other) => one.granted.fencingToken - other.granted.fencingToken)
    for (const grant of grants) this.#granted(grant)
  }

  #attended(step: AttendStep, outcome: AttendOutcome): void {
    if (outcome.kind === 'granted') {
      this.#grants.push({ ref: step, granted: outcome, asked: null, sender: null })
      return
    }
    if (outcome.kind !== 'queued') return this.#gone(step)
    const waiter = this.#lock(step.name).waiters.get(step.owner ?? '')
    if (waiter) waiter.liveUntil = this.#now + step.attachMs + TICKET_MS
  }

  #granted({ ref, granted, asked, sender }: WatchedGrant): void {
    const lock = this.#lock(ref.name)
    const { owner } = ref
    const known = lock.holders.get(owner)
    const waiter = this.#liveWaiter(lock, owner)
    if (granted.claim && granted.expiresInMs > CLAIM_MS) {
      this.#broken('claim', `${owner} has an unconfirmed claim of ${granted.expiresInMs} ms on ${ref.name}`)
    }
    if (known?.token === granted.fencingToken) {
      known.until = known.isClaim ? known.until : Math.max(known.until, this.#now + granted.expiresInMs + SLACK_MS)
      return
    }
    const mode = waiter?.mode ?? asked?.mode ?? 'exclusive'
    const steal = waiter?.steals ? 'safe' : (asked?.steal ?? null)
    this.#checkGrant(ref, lock, granted, steal)
    if (steal === 'now') this.#rob(lock, mode, granted)
    if (owner !== null) lock.waiters.delete(owner)
    // Out of the queue it is a claim, whatever the store calls it.
    const isClaim = waiter !== undefined && asked?.steal !== 'now'
    const leaseMs = isClaim ? Math.min(granted.leaseMs, CLAIM_MS) : granted.expiresInMs
    lock.holders.set(owner, {
      token: granted.fencingToken,
      mode,
      isClaim,
      sender,
      until: this.#now + leaseMs + SLACK_MS,
    })
  }

  /** Who was not alive any more had lost its place, and was granted the lock as a newcomer. */
  #liveWaiter({ waiters }: WatchedLock, owner: string | null): WatchedWaiter | undefined {
    const waiter = owner === null ? undefined : waiters.get(owner)
    return waiter !== undefined && waiter.liveUntil > this.#now ? waiter : undefined
  }

  #checkGrant({ name, owner }: OwnerRef, lock: WatchedLock, { fencingToken }: Granted, steal: Steal | null): void {
    const last = this.#options.history.lastToken(name)
    if (fencingToken === last) {
      this.#broken('claim', `${owner} still has ${name}, though what it had of it ran out`)
    } else if (fencingToken < last)
      this.#broken('fencing', `${owner} got token ${fencingToken} of ${name} after ${last}`)
    this.#options.history.granted(name, fencingToken)
    if (owner !== null && this.#released.has(key({ name, owner }))) {
      this.#broken('zombie grant', `${name} was granted to ${owner}, which had been released`)
    }
    if (steal === 'now') return
    let hasArrivedBefore = true
    for (const [other, { since, steals, liveUntil }] of lock.waiters) {
      if (other === owner) hasArrivedBefore = false
      const isAhead = steals === (steal === 'safe') ? hasArrivedBefore : steals
      if (other === owner || !isAhead || liveUntil <= this.#now + SLACK_MS) continue
      this.#broken('fifo', `${owner} was granted ${name} before ${other}, which waits since ${since} by the server`)
    }
  }

  /** Without an owner, anybody can renew and free a lock; but no client of ours does it to another's. */
  #checkSender({ name, owner }: OwnerRef, what: string): void {
    const { sender } = this.#options.history
    const holder = this.#lock(name).holders.get(null)
    if (owner !== null || sender === null || holder === undefined || holder.sender === null) return
    if (holder.sender === sender) return
    this.#broken('stray request', `${sender} would ${what} ${name}, which was granted to ${holder.sender}`)
  }

  #rob(lock: WatchedLock, mode: LockMode, { fencingToken }: Granted): void {
    for (const [owner, holder] of lock.holders) {
      if (holder.token === fencingToken || (holder.mode === 'shared' && mode === 'shared')) continue
      this.#options.history.rob(holder.token)
      lock.holders.delete(owner)
    }
  }

  /** @param isNew whether it lost the place that it may have had. */
  #queued({ name, owner: asker, waitMs, mode, steal }: AcquireStep, isNew: boolean): void {
    const { waiters } = this.#lock(name)
    const owner = asker ?? ''
    const known = isNew ? undefined : waiters.get(owner)
    const liveUntil = this.#now + waitMs + TICKET_MS
    const steals = steal === 'safe'
    if (known && known.steals === steals) {
      known.liveUntil = Math.max(known.liveUntil, liveUntil)
      return
    }
    waiters.delete(owner)
    waiters.set(owner, { since: this.#now, mode, steals, liveUntil })
  }

  #gone({ name, owner }: OwnerRef): void {
    const lock = this.#lock(name)
    if (lock.holders.delete(owner) && lock.holders.size === 0) lock.freeSince = this.#now
    if (owner !== null) lock.waiters.delete(owner)
  }

  /** Whether, until now, the lock was free for too long though somebody waited. */
  #lookAtWaking(name: string): void {
    const lock = this.#lock(name)
    const now = this.#now
    for (const [owner, holder] of lock.holders) {
      if (holder.until > now) continue
      lock.freeSince = Math.max(lock.freeSince, holder.until)
      lock.holders.delete(owner)
    }
    if (lock.holders.size > 0) return
    const runsFor = (this.#options.trueNow() - this.#options.machine.runsSince) * 0.99
    const freeSince = Math.max(lock.freeSince, this.#graceUntil)
    for (const [owner, { since, liveUntil }] of lock.waiters) {
      const longest = Math.min(now - Math.max(since, freeSince), runsFor)
      if (longest > WAKE_MS && liveUntil > now) {
        this.#broken('lost wake-up', `${name} was free for ${Math.round(longest)} ms though ${owner} waited`)
      }
    }
  }

  #lock(name: string): WatchedLock {
    const known = this.#locks.get(name)
    if (known) return known
    const lock: WatchedLock = { holders: new Map(), waiters: new Map(), freeSince: this.#now }
    this.#locks.set(name, lock)
    return lock
  }

  #broken(rule: Parameters<Verdict['broken']>[0], detail: string): void {
    this.#options.verdict.broken(rule, detail)
  }

  #note(step: string, outcome: object | undefined): void {
    const { trace, trueNow } = this.#options
    trace.add(trueNow(), 'store', `${step} ${describe(outcome)}`)
  }
}

function describe(outcome: object | undefined): string {
  const { kind, fencingToken, expiresInMs, claim, position, reason } = (outcome ?? {}) as Record<string, unknown>
  return [kind, fencingToken, expiresInMs, claim, position, reason].filter((each) => each !== undefined).join(' ')
}

function key({ name, owner }: { readonly name: string; readonly owner: string | null }): string {
  return `${name}\0${owner}`
}
