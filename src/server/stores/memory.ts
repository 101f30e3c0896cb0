import type { ServerClock } from '../clock.ts'
import {
  type AcquireOutcome,
  type AcquireStep,
  type AttendOutcome,
  type AttendStep,
  type LockRef,
  type LockState,
  type LockStore,
  type OwnerRef,
  type ReleaseOutcome,
  type RenewOutcome,
  type RenewStep,
  type StoreLimits,
  type StoreTraits,
  StoreUnavailableError,
} from '../store.ts'
import { systemClock } from '../system-clock.ts'
import { acquire, attend } from './memory/acquire.ts'
import { Alarms } from './memory/alarms.ts'
import { FencingTokens } from './memory/fencing-tokens.ts'
import type { Lock } from './memory/lock.ts'
import { release } from './memory/release.ts'
import { renew } from './memory/renew.ts'
import { Space, type SpaceContext } from './memory/space.ts'

export interface MemoryStoreOptions {
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
  /** ms after the start during which nothing is granted, since an earlier process may have granted it. Default 0. */
  readonly grace?: number
  /** Default: 100,000 locks, 10,000 waiters and 200,000 tombstones a namespace, 1,000 holders and waiters a lock. */
  readonly limits?: Partial<StoreLimits>
}

const DEFAULT_LIMITS: StoreLimits = { locks: 100_000, ownersPerLock: 1_000, waiters: 10_000, tombstones: 200_000 }

/** A store in the memory of one process: fast, and forgetful across restarts. */
export function createMemoryStore(options: MemoryStoreOptions = {}): LockStore {
  return new MemoryStore(options)
}

/** Each step runs without interruption, in the order of the calls. */
class MemoryStore implements LockStore {
  readonly traits: StoreTraits
  readonly #clock: ServerClock
  readonly #context: SpaceContext
  readonly #spaces = new Map<string, Space>()
  readonly #alarms: Alarms
  readonly #listeners = new Set<(waiter: OwnerRef) => void>()
  #changed: OwnerRef[] = []
  #closed = false

  constructor({ clock = systemClock, grace = 0, limits }: MemoryStoreOptions) {
    this.traits = { kind: 'memory', durable: false, linearizable: true, restart: grace > 0 ? 'grace' : 'forgets' }
    this.#clock = clock
    this.#alarms = new Alarms(clock)
    this.#context = {
      limits: { ...DEFAULT_LIMITS, ...limits },
      tokens: new FencingTokens(clock),
      graceUntil: exactly(clock.now()) + grace,
      changed: (waiter) => this.#changed.push(waiter),
    }
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    return this.#step(step, (space, lock, now) => acquire(space, lock, step, now))
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
    return this.#step(ref, (space, lock, now) => ({
      mode: lock.holders[0]?.mode ?? null,
      fencingToken: space.lastToken(lock.name),
      holders: lock.holderStates(now),
      waiters: lock.queue.size,
    }))
  }

  watch(listener: (waiter: OwnerRef) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#alarms.clear()
    this.#listeners.clear()
    this.#spaces.clear()
  }

  #step<Outcome>({ namespace, name }: LockRef, act: (space: Space, lock: Lock, now: number) => Outcome): Outcome {
    if (this.#closed) throw new StoreUnavailableError('This store is closed.')
    const space = this.#space(namespace)
    const now = exactly(this.#clock.now())
    const lock = space.open(name, now)
    const outcome = act(space, lock, now)
    space.keep(lock)
    this.#alarms.set(lock, lock.nextEvent(now), () => this.#step({ namespace, name }, () => undefined))
    this.#tellChanges()
    return outcome
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
    for (const waiter of changed) {
      for (const listener of this.#listeners) listener(waiter)
    }
  }
}

/**
 * `ms` in binary fractions, about a microsecond each. Adding whole ms to them and taking them away is exact, so that a
 * lease of 60,000 ms is not told as 59,999.
 */
function exactly(ms: number): number {
  return Math.floor(ms * 1024) / 1024
}
