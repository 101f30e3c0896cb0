import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  LockState,
  ReleaseOutcome,
  RenewOutcome,
} from '../../src/server/store.ts'
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

export const LEASE = 60_000
export const WAIT = 30_000

/** What of an acquire a test cares about. */
export type Asked = Partial<Omit<AcquireStep, 'owner'>>

/** A store under a virtual clock, spoken to about the lock `k` unless told otherwise. */
export class StoreBench {
  readonly clock: VirtualClock
  readonly store: MemoryStore
  /** The owners that the store called changed, in order. */
  readonly changed: string[] = []

  constructor(options: Omit<MemoryStoreOptions, 'clock'> = {}, wall?: number) {
    this.clock = new VirtualClock(wall)
    this.store = createMemoryStore({ ...options, clock: this.clock })
    this.store.watch(({ owner }) => this.changed.push(String(owner)))
  }

  /** Takes the lock if it can be had at once. */
  acquire(owner: string | null, asked: Asked = {}): Promise<AcquireOutcome> {
    return this.store.acquire({
      namespace: '',
      name: 'k',
      owner,
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
