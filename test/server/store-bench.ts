import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  LockState,
  Principal,
  ReleaseOutcome,
  RenewOutcome,
} from '../../src/server/store.ts'
import { DurableStore } from '../../src/server/stores/durable/durable-store.ts'
import { readRecords } from '../../src/server/stores/durable/records.ts'
import { recover } from '../../src/server/stores/durable/recovery.ts'
import {
  createMemoryStore,
  type MemoryStore,
  type MemoryStoreOptions,
  StoreInMemory,
} from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { createImagedStore } from './imaged-store.ts'
import { type Carry, VirtualDisk } from './virtual-disk.ts'

export const LEASE = 60_000
export const WAIT = 30_000

/** Who is bounded by nothing. */
export const ANYBODY: Principal = { subject: null, maxHoldMs: null, quota: { locks: null, waiters: null } }

/** What of an acquire a test cares about. */
export type Asked = Partial<Omit<AcquireStep, 'owner'>>

/** Which stores benches have. */
let kind: 'memory' | 'durable' | 'imaged' = 'memory'

/** Gives all benches of this file a store that comes back, over a virtual disk. */
export function useDurableStores(): void {
  kind = 'durable'
}

/** Gives all benches of this file a store that goes on, before each step, from an image of the one before. */
export function useImagedStores(): void {
  kind = 'imaged'
}

type Create = (options: MemoryStoreOptions) => MemoryStore

const createStore: Create = (options) => {
  if (kind === 'imaged') return createImagedStore(options)
  return kind === 'memory' ? createMemoryStore(options) : openDurable(new VirtualDisk())(options)
}

export interface DurableBenchOptions {
  /** How writes reach the disk. Default: at once. */
  readonly carry?: Carry
  readonly onError?: (error: unknown) => void
}

/** A store that takes over what `disk` has. Throws if that contradicts itself. */
export function openDurable(disk: VirtualDisk, { carry, onError = rethrow }: DurableBenchOptions = {}): Create {
  return (options) => {
    const entries = disk.entries()
    const durable = new DurableStore({
      kind: 'durable',
      database: disk.open(carry),
      entries,
      inherited: recover(readRecords(entries)),
      createSteps: (remembrance) => new StoreInMemory(options, remembrance),
      onError,
    })
    return Object.assign(durable, { graceMs: options.grace ?? 0 })
  }
}

function rethrow(error: unknown): never {
  throw error
}

/** A store under a virtual clock, spoken to about the lock `k` unless told otherwise. */
export class StoreBench {
  readonly clock: VirtualClock
  readonly store: MemoryStore
  /** The owners that the store called changed, in order. */
  readonly changed: string[] = []

  constructor(options: Omit<MemoryStoreOptions, 'clock'> = {}, wall?: number, create: Create = createStore) {
    this.clock = new VirtualClock(wall)
    this.store = create({ ...options, clock: this.clock })
    this.store.watch(({ owner }) => this.changed.push(String(owner)))
  }

  /** Lets `ms` pass, and what the store tells of that be told. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    if (kind === 'durable') await new Promise((resume) => setImmediate(resume))
  }

  /** Takes the lock if it can be had at once. */
  acquire(owner: string | null, asked: Asked = {}): Promise<AcquireOutcome> {
    return this.store.acquire({
      namespace: '',
      name: 'k',
      owner,
      principal: ANYBODY,
      leaseMs: LEASE,
      waitMs: 0,
      mode: 'exclusive',
      ifAvailable: false,
      steal: null,
      info: null,
      ...asked,
    })
  }

  /** Takes the lock or a place in its queue. */
  queue(owner: string, asked: Asked = {}): Promise<AcquireOutcome> {
    return this.acquire(owner, { waitMs: WAIT, ...asked })
  }

  attend(owner: string, attachMs: number = 0): Promise<AttendOutcome> {
    return this.store.attend({ namespace: '', name: 'k', owner, attachMs })
  }

  async renew(owner: string | null, leaseMs: number | null = null): Promise<RenewOutcome> {
    const [outcome] = await this.store.renew([{ namespace: '', name: 'k', owner, leaseMs }])
    if (outcome === undefined) throw new Error('no outcome')
    return outcome
  }

  release(owner: string | null): Promise<ReleaseOutcome> {
    return this.store.release({ namespace: '', name: 'k', owner })
  }

  inspect(name: string = 'k'): Promise<LockState> {
    return this.store.inspect({ namespace: '', name })
  }
}
