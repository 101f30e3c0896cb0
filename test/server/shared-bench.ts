import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  ReleaseOutcome,
  RenewOutcome,
} from '../../src/server/store.ts'
import { SharedStore } from '../../src/server/stores/shared/shared-store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { VirtualLog, type VirtualLogOptions } from './virtual-log.ts'

export const NOBODY = { subject: null, maxHoldMs: null, quota: { locks: null, waiters: null } }

/** How far the clock goes at once, in ms: what is due must not come much too late. */
const STEP_MS = 25

/** One of the servers of a {@link SharedBench}, asked about the lock `k` of 60 s unless told otherwise. */
export class SharedServer {
  readonly store: SharedStore
  readonly clock: VirtualClock
  readonly errors: unknown[]
  /** The owners that the store called changed, in order. */
  readonly changed: string[] = []

  constructor(store: SharedStore, clock: VirtualClock, errors: unknown[]) {
    this.store = store
    this.clock = clock
    this.errors = errors
    store.watch(({ owner }) => this.changed.push(String(owner)))
  }

  acquire(owner: string, asked: Partial<AcquireStep> = {}): Promise<AcquireOutcome> {
    const defaults = { namespace: '', name: 'k', owner, principal: NOBODY, leaseMs: 60_000, waitMs: 0 } as const
    return this.store.acquire({ ...defaults, mode: 'exclusive', ifAvailable: false, steal: null, info: null, ...asked })
  }

  queue(owner: string, asked: Partial<AcquireStep> = {}): Promise<AcquireOutcome> {
    return this.acquire(owner, { waitMs: 30_000, ...asked })
  }

  attend(owner: string, attachMs: number = 0): Promise<AttendOutcome> {
    return this.store.attend({ namespace: '', name: 'k', owner, attachMs })
  }

  async renew(owner: string): Promise<RenewOutcome | undefined> {
    const [outcome] = await this.store.renew([{ namespace: '', name: 'k', owner, leaseMs: null }])
    return outcome
  }

  release(owner: string): Promise<ReleaseOutcome> {
    return this.store.release({ namespace: '', name: 'k', owner })
  }

  async waiters(): Promise<number> {
    return (await this.store.inspect({ namespace: '', name: 'k' })).waiters
  }
}

/** Servers with one log, each with a clock of its own that shows the same. */
export class SharedBench {
  readonly log = new VirtualLog()
  readonly #servers: SharedServer[] = []
  #started = 0

  async start(options: VirtualLogOptions & { readonly tokenFloor?: number } = {}): Promise<SharedServer> {
    this.#started += 1
    const clock = new VirtualClock()
    const errors: unknown[] = []
    const store = await SharedStore.open({
      kind: 'shared',
      log: this.log.open(options),
      clock,
      server: `s${this.#started}`,
      limits: {},
      tokenFloor: options.tokenFloor ?? 0,
      onError: (error) => errors.push(error),
    })
    const server = new SharedServer(store, clock, errors)
    this.#servers.push(server)
    return server
  }

  /** Lets `ms` pass for all servers but `frozen`, with all that comes of it. */
  async pass(ms: number, frozen: readonly SharedServer[] = []): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      for (const { clock } of this.#servers.filter((server) => !frozen.includes(server))) {
        clock.advance(Math.min(STEP_MS, ms - passed))
      }
      await settled()
    }
  }
}

/** When all that needs no time has been done. */
export function settled(): Promise<void> {
  return new Promise((resume) => setImmediate(resume))
}
