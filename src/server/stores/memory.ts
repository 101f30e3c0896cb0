import type { ServerClock } from '../clock.ts'
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
  type StoreLimits,
  type StoreTraits,
  StoreUnavailableError,
} from '../store.ts'
import { systemClock } from '../system-clock.ts'
import { acquire, attend } from './memory/acquire.ts'
import { type AlarmBook, Alarms } from './memory/alarms.ts'
import { FencingTokens } from './memory/fencing-tokens.ts'
import { endHolders, revoke } from './memory/force.ts'
import type { StoreImage } from './memory/image.ts'
import { type Inherited, NOTHING_INHERITED, takeOver } from './memory/inherited.ts'
import { type Ledger, NO_LEDGER } from './memory/ledger.ts'
import type { Lock } from './memory/lock.ts'
import type { Mark } from './memory/mark.ts'
import { MarkKeeper } from './memory/mark-keeper.ts'
import { list } from './memory/query.ts'
import { release } from './memory/release.ts'
import { renew } from './memory/renew.ts'
import {
  attendSession,
  endSession,
  execute,
  lapse,
  renewSession,
  type SessionContext,
  stateOf,
} from './memory/session-steps.ts'
import { SessionTable } from './memory/session-table.ts'
import { Space, type SpaceContext } from './memory/space.ts'

export interface MemoryStoreOptions {
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
  /** ms after the start during which nothing is granted, since an earlier process may have granted it. Default 0. */
  readonly grace?: number
  /**
   * Outlives this store, so that the next one waits until the leases of this one have run out, and begins its tokens
   * above those of this one. It is this store's alone, and closed with it. Default: none, and restarts forget.
   */
  readonly mark?: Mark
  /** Fencing tokens begin above this: the last one of the store that was used before. Default 0. */
  readonly tokenFloor?: number
  /** Told when the mark can no longer be written. Default: it is dropped. */
  readonly onError?: (error: unknown) => void
  /**
   * Default: 100,000 locks, 10,000 waiters, 10,000 sessions and 200,000 tombstones a namespace, 1,000 holders and
   * waiters a lock, 10,000 a session.
   */
  readonly limits?: Partial<StoreLimits>
}

const DEFAULT_LIMITS: StoreLimits = {
  locks: 100_000,
  ownersPerLock: 1_000,
  waiters: 10_000,
  tombstones: 200_000,
  sessions: 10_000,
  ownersPerSession: 10_000,
}

export interface MemoryStore extends LockStore {
  /** No fencing token so far was larger, those of earlier stores included as far as is known; 0 if there was none. */
  readonly lastToken: number
  /** How long nothing is granted yet, in ms; 0 outside the grace period. */
  readonly graceMs: number
}

/**
 * A store in the memory of one process: fast, and forgetful across restarts. With a `mark` nothing is granted after a
 * restart until what was forgotten has run out.
 *
 * Throws a `TypeError` for a wrong option, and what the mark throws if it cannot be read.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new StoreInMemory(options)
}

/** As many as the wall clock of the year 2109 would give: a digit too many is noticed, and there is room above. */
const HIGHEST_FLOOR = 2 ** 52

/** What makes a store in memory one that comes back. */
export interface Remembrance {
  readonly inherited?: Inherited
  readonly ledger?: Ledger
  /** All that it knows from the beginning; `null`: nothing. */
  readonly image?: StoreImage | null
  /** Default: timers of the clock. */
  readonly alarms?: AlarmBook
  /** How much later than their holders are told leases end, in ms. Default 0. */
  readonly slackMs?: number
}

/** Each step runs without interruption, in the order of the calls: whole, before the call returns. */
export class StoreInMemory implements MemoryStore {
  readonly traits: StoreTraits
  readonly #clock: ServerClock
  readonly #context: SpaceContext
  readonly #spaces = new Map<string, Space>()
  readonly #alarms: AlarmBook
  readonly #sessions: SessionContext
  readonly #listeners = new Set<(changed: Changed) => void>()
  readonly #observers = new Set<(fact: LockFact) => void>()
  #changed: Changed[] = []
  #closed = false

  constructor(options: MemoryStoreOptions, remembrance: Remembrance = {}) {
    const { clock = systemClock, grace = 0, mark = null, tokenFloor = 0, onError = () => undefined, limits } = options
    const { inherited = NOTHING_INHERITED, ledger = NO_LEDGER, image = null, slackMs = 0 } = remembrance
    checkTokenFloor(tokenFloor)
    const keeper = new MarkKeeper({ clock, mark, onError, longestPromise: () => this.#longestPromise() })
    const { longestLeaseMs, tokensUpTo } = keeper.inherited ?? { longestLeaseMs: 0, tokensUpTo: 0 }
    const restart = grace > 0 || mark !== null ? 'grace' : 'forgets'
    this.traits = { kind: 'memory', durable: false, linearizable: true, restart }
    this.#clock = clock
    this.#alarms = remembrance.alarms ?? new Alarms(clock)
    const bounds = { ...DEFAULT_LIMITS, ...limits }
    this.#context = {
      limits: bounds,
      tokens: new FencingTokens(clock, Math.max(tokenFloor, tokensUpTo, inherited.lastToken, image?.lastToken ?? 0)),
      mark: keeper,
      ledger,
      graceUntil: image?.graceUntil ?? exactly(clock.now()) + Math.max(grace, longestLeaseMs),
      slackMs,
      changed: (changed) => this.#changed.push(changed),
      happened: null,
    }
    this.#sessions = {
      table: new SessionTable({
        clock,
        ledger,
        mostTombstones: bounds.tombstones,
        slackMs,
        lastEpoch: inherited.lastEpoch,
      }),
      spaceOf: (namespace) => this.#space(namespace),
      look: (space, name, now, act) => this.#look(space, name, now, act),
    }
    if (image !== null) this.#load(image)
    this.#run((now) => takeOver(this.#sessions, inherited, now))
  }

  get lastToken(): number {
    return this.#context.tokens.last
  }

  get graceMs(): number {
    return Math.max(0, this.#context.graceUntil - exactly(this.#clock.now()))
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The longest time that any holder may still believe, though all were renewed just now, in ms. */
  get longestPromiseMs(): number {
    return this.#longestPromise()
  }

  /** Nothing is held, nobody waits, and nothing is to be waited for. */
  get isIdle(): boolean {
    return (
      this.graceMs === 0 &&
      this.#sessions.table.size === 0 &&
      [...this.#spaces.values()].every((space) => space.lockCount === 0)
    )
  }

  /** Somebody waits. */
  get isAwaited(): boolean {
    return [...this.#spaces.values()].some((space) => space.waiters.total > 0)
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    return this.#step(step, (space, lock, now) => acquire(space, lock, { ...step, session: null }, now))
  }

  async attend(step: AttendStep): Promise<AttendOutcome> {
    return this.#step(step, (space, lock, now) => attend(space, lock, step, now))
  }

  async renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    return steps.map((step) => this.#step(step, (space, lock, now) => renew(space, lock, step, now)))
  }

  async release(step: OwnerRef): Promise<ReleaseOutcome> {
    return this.#step(step, (space, lock, now) => release(space, lock, step, now))
  }

  async inspect(ref: LockRef): Promise<LockState> {
    return this.#step(ref, (_, lock, now) => lock.state(now))
  }

  async list(step: ListStep): Promise<LockPage> {
    return this.#run((now) => {
      const space = this.#space(step.namespace)
      return list(space, step, (name) => stateOf(this.#sessions, space, name, now))
    })
  }

  async endHolders(step: EndHoldersStep): Promise<number> {
    return this.#step(step, (_, lock, now) => endHolders(lock, step, now))
  }

  async revoke({ subject }: RevokeStep): Promise<Revoked> {
    return this.#run((now) => {
      const revoked = { holders: 0, waiters: 0 }
      for (const space of this.#spacesInOrder()) {
        for (const name of space.namesOf(subject)) {
          const { holders, waiters } = this.#look(space, name, now, (lock) => revoke(lock, subject, now))
          revoked.holders += holders
          revoked.waiters += waiters
        }
      }
      return revoked
    })
  }

  async execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    return this.#run((now) => execute(this.#sessions, step, now))
  }

  async renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    return this.#run((now) => renewSession(this.#sessions, step, now))
  }

  async attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    return this.#run((now) => attendSession(this.#sessions, step, now))
  }

  /** How a session stands, and for how long its waiters count as alive, in ms. Changes nothing. */
  lookAtSession(id: string): { outcome: SessionOutcome; liveForMs: number } {
    const now = exactly(this.#clock.now())
    const { table } = this.#sessions
    const session = table.find(id)
    if (session !== null) return { outcome: session.standing([], now), liveForMs: session.liveUntil - now }
    return { outcome: { kind: 'session-gone', reason: table.endOf(id, now) ?? 'unknown' }, liveForMs: 0 }
  }

  /** From now on fencing tokens are larger than `floor`. */
  raiseTokens(floor: number): void {
    this.#context.tokens.raise(floor)
  }

  /** Grants nothing for `ms` from now, or longer where that was said before. */
  pause(ms: number): void {
    const { graceUntil } = this.#context
    this.#context.graceUntil = Math.max(graceUntil, exactly(this.#clock.now()) + ms)
    for (const space of this.#spacesInOrder()) this.#lookAt(space.namespace, space.names())
  }

  /** All that this store knows; see `Remembrance`. */
  image(): StoreImage {
    return {
      lastToken: this.lastToken,
      graceUntil: this.#context.graceUntil,
      table: this.#sessions.table.image(),
      spaces: this.#spacesInOrder()
        .filter((space) => !space.isBlank)
        .map((space) => space.image()),
    }
  }

  async endSession(session: string): Promise<ReleaseOutcome> {
    return this.#run((now) => endSession(this.#sessions, session, now))
  }

  watch(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  observe(listener: (fact: LockFact) => void): () => void {
    this.#observers.add(listener)
    this.#context.happened = (fact) => {
      for (const observer of this.#observers) observer(fact)
    }
    return () => {
      this.#observers.delete(listener)
      if (this.#observers.size === 0) this.#context.happened = null
    }
  }

  census(): Census {
    const census = { locks: 0, holders: 0, waiters: 0, sessions: this.#sessions.table.size }
    for (const { lockCount, holders, waiters } of this.#spaces.values()) {
      census.locks += lockCount
      census.holders += holders.total
      census.waiters += waiters.total
    }
    return census
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#alarms.clear()
    // Whoever waits would wait in vain.
    for (const space of this.#spaces.values()) space.wakeAll()
    this.#tellChanges()
    this.#listeners.clear()
    // From here on nothing is granted or renewed, so what is left now is the most that will be left.
    this.#context.mark.close(this.#longestRemaining(), this.lastToken)
    this.#spaces.clear()
  }

  /** The longest time that any holder may still believe if nothing is renewed, in ms, an earlier store's included. */
  #longestRemaining(): number {
    const now = exactly(this.#clock.now())
    const remaining = [...this.#spaces.values()].map((space) => space.longestRemaining(now))
    return Math.max(this.graceMs, ...remaining)
  }

  /** The longest lease that is held, in ms, or the rest of one that may be: of an earlier store, or before it was cut. */
  #longestPromise(): number {
    const promised = [...this.#spaces.values()].map((space) => space.longestLease())
    return Math.max(this.#longestRemaining(), ...promised)
  }

  #load({ table, spaces }: StoreImage): void {
    const { table: sessions, spaceOf } = this.#sessions
    sessions.load(table, spaceOf)
    for (const space of spaces) spaceOf(space.namespace).load(space, (id) => sessions.find(id))
    for (const session of table.sessions) sessions.find(session.id)?.load(session)
    // Sets the alarms.
    for (const { namespace } of spaces) this.#lookAt(namespace, spaceOf(namespace).names())
  }

  /** Not in the order in which they came up, since a question that changes nothing is enough for that. */
  #spacesInOrder(): Space[] {
    return [...this.#spaces.values()].sort((one, other) => (one.namespace < other.namespace ? -1 : 1))
  }

  #lookAt(namespace: string, names: Iterable<string>): void {
    for (const name of [...names].sort()) this.#step({ namespace, name }, () => undefined)
  }

  #step<Outcome>({ namespace, name }: LockRef, act: (space: Space, lock: Lock, now: number) => Outcome): Outcome {
    return this.#run((now) => {
      const space = this.#space(namespace)
      return this.#look(space, name, now, (lock) => act(space, lock, now))
    })
  }

  #run<Outcome>(act: (now: number) => Outcome): Outcome {
    if (this.#closed) throw new StoreUnavailableError('This store is closed.')
    const now = exactly(this.#clock.now())
    const { table } = this.#sessions
    try {
      // Here, since timers fire late: no step may meet a session that is over.
      lapse(this.#sessions, now)
      return act(now)
    } finally {
      this.#alarms.set(table, table.nextLapse, () => this.#run(() => undefined))
      this.#tellChanges()
    }
  }

  #look<Outcome>(space: Space, name: string, now: number, act: (lock: Lock) => Outcome): Outcome {
    const lock = space.open(name, now)
    try {
      return act(lock)
    } finally {
      // Also if the mark could not be written: expired leases have been ended, and somebody may wait for a retry.
      space.keep(lock)
      const ref = { namespace: space.namespace, name }
      this.#alarms.set(lock, lock.nextEvent(now), () => this.#step(ref, () => undefined))
    }
  }

  #space(namespace: string): Space {
    const space = this.#spaces.get(namespace) ?? new Space(namespace, this.#context)
    this.#spaces.set(namespace, space)
    return space
  }

  /** After the step, so that a listener that asks again finds it done. */
  #tellChanges(): void {
    const changed = this.#changed
    this.#changed = []
    for (const each of changed) {
      for (const listener of this.#listeners) listener(each)
    }
  }
}

/** Throws a `TypeError` for what cannot be a token, or would leave no room above. */
export function checkTokenFloor(tokenFloor: number): void {
  if (Number.isSafeInteger(tokenFloor) && tokenFloor >= 0 && tokenFloor <= HIGHEST_FLOOR) return
  throw new TypeError(`tokenFloor must be a whole number from 0 to ${HIGHEST_FLOOR}; got ${tokenFloor}.`)
}

/**
 * `ms` in binary fractions, about a microsecond each. Adding whole ms to them and taking them away is exact, so that a
 * lease of 60,000 ms is not told as 59,999.
 */
function exactly(ms: number): number {
  return Math.floor(ms * 1024) / 1024
}
