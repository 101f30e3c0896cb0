import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  ExecuteOutcome,
  ExecuteStep,
  Granted,
  LockState,
  LockStore,
  Principal,
  ReleaseOutcome,
  RenewOutcome,
  StoreCommand,
} from '../../src/server/store.ts'

export const LEASE = 60_000
const WAIT = 30_000

export const NOBODY: Principal = { subject: null, maxHoldMs: null, quota: { locks: null, waiters: null } }

type AcquireCommand = Extract<StoreCommand, { op: 'acquire' }>

/** Speaks to a store about one lock, unless told otherwise. */
export class Bench {
  readonly store: LockStore
  readonly name: string

  constructor(store: LockStore, name: string) {
    this.store = store
    this.name = name
  }

  acquire(owner: string | null, asked: Partial<AcquireStep> = {}): Promise<AcquireOutcome> {
    const base = { namespace: '', name: this.name, owner, principal: NOBODY, leaseMs: LEASE, waitMs: 0 } as const
    return this.store.acquire({ ...base, mode: 'exclusive', ifAvailable: false, steal: null, info: null, ...asked })
  }

  queue(owner: string, asked: Partial<AcquireStep> = {}): Promise<AcquireOutcome> {
    return this.acquire(owner, { waitMs: WAIT, ...asked })
  }

  /** As {@link acquire}, where it must be granted. */
  async take(owner: string | null, asked: Partial<AcquireStep> = {}): Promise<Granted> {
    const outcome = await this.acquire(owner, asked)
    if (outcome.kind !== 'granted') throw new Error(`${owner} was not granted ${this.name}: ${outcome.kind}`)
    return outcome
  }

  attend(owner: string, attachMs: number = WAIT): Promise<AttendOutcome> {
    return this.store.attend({ namespace: '', name: this.name, owner, attachMs })
  }

  async renew(owner: string | null, leaseMs: number | null = null): Promise<RenewOutcome> {
    const [outcome] = await this.store.renew([{ namespace: '', name: this.name, owner, leaseMs }])
    if (outcome === undefined) throw new Error('no outcome')
    return outcome
  }

  release(owner: string | null): Promise<ReleaseOutcome> {
    return this.store.release({ namespace: '', name: this.name, owner })
  }

  inspect(): Promise<LockState> {
    return this.store.inspect({ namespace: '', name: this.name })
  }

  execute(step: Pick<ExecuteStep, 'session' | 'seq' | 'commands'> & Partial<ExecuteStep>): Promise<ExecuteOutcome> {
    const open = { leaseMs: LEASE, info: null }
    return this.store.execute({ namespace: '', principal: NOBODY, open, confirm: [], ...step })
  }

  command(owner: string, asked: Partial<AcquireCommand> = {}): AcquireCommand {
    const base = { op: 'acquire', name: this.name, owner, mode: 'exclusive', ifAvailable: false } as const
    return { ...base, steal: null, info: null, ...asked }
  }

  /**
   * Resolves when the store hints that something happened to `owner`. Call it before what makes it happen.
   */
  hint(owner: string): Promise<void> {
    return new Promise((resolve) => {
      const unwatch = this.store.watch((changed) => {
        if (changed.name !== this.name || changed.owner !== owner) return
        unwatch()
        resolve()
      })
    })
  }
}
