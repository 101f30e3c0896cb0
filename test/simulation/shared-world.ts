import { DEFAULT_NAMESPACE } from '../../src/server/auth/access.ts'
import type { LockStore } from '../../src/server/store.ts'
import { SLACK_MS } from '../../src/server/stores/shared/timing.ts'
import { NOTHING_BROUGHT } from './brought-back.ts'
import type { Kernel } from './kernel.ts'
import type { WatchedEvents } from './lock-watch.ts'
import { LogObserver } from './log-observer.ts'
import { Machine } from './machine.ts'
import { HEALED_AT, type Plan } from './plan.ts'
import type { Random } from './random.ts'
import { SharedStores } from './shared-servers.ts'
import { SimulatedEngine } from './simulated-engine.ts'
import type { BareStore } from './simulated-stores.ts'
import { ToldPromises } from './told-promises.ts'
import type { Tweaks } from './tweaks.ts'
import type { Verdict } from './verdict.ts'

/** How many characters of records there are between two snapshots at least: in many worlds there are some of them. */
const CUTS = [2_000, 10_000, 1_000_000]
/** How often somebody looks at a lock of each server. */
const READS = 12

export interface SharedWorldOptions {
  readonly plan: Plan
  readonly kernel: Kernel
  readonly random: Random
  readonly verdict: Verdict
  readonly tweaks: Tweaks
  readonly note: (who: string, what: string) => void
  /** Puts the oracles around a store. */
  readonly watch: (bare: BareStore, seen: WatchedEvents) => LockStore
}

/** What several servers share: the engine with their log, and the oracles that look at it. */
export class SharedWorld {
  readonly #options: SharedWorldOptions
  readonly #engine: SimulatedEngine
  readonly #promises: ToldPromises
  readonly #observer: LogObserver
  readonly #fewestCharacters: number

  constructor(options: SharedWorldOptions) {
    const { plan, kernel, random, verdict, note, watch } = options
    this.#options = options
    this.#fewestCharacters = random.fork(1).pick(CUTS)
    this.#engine = new SimulatedEngine({ seed: plan.seed, kernel, random: random.fork(2), faults: plan.faults, note })
    const machine = new Machine('log', kernel, random.fork(3), 1)
    this.#promises = new ToldPromises({
      verdict,
      now: () => kernel.now,
      fastest: Math.max(plan.serverRate, ...plan.peers.map(({ rate }) => rate)),
      wasSo: (name, state, since) => this.#observer.wasSo(name, state, since),
      stands: (session) => this.#observer.stands(session),
    })
    const seen: WatchedEvents = {
      granted: (name, owner, holder) => this.#promises.granted(name, owner, holder),
      over: (name, owner) => this.#promises.over(name, owner),
    }
    this.#observer = new LogObserver({
      ...{ kernel, verdict, note, names: plan.names },
      fewestCharacters: this.#fewestCharacters,
      readers: this.#engine.readers,
      watch: (store, clock) =>
        watch({ store, machine, clock, graceMs: 0, lateMs: SLACK_MS, broughtBack: NOTHING_BROUGHT }, seen),
    })
    this.#engine.log.appended = (record) => this.#observer.appended(record)
  }

  /** The stores of the server on `machine`, at which somebody looks now and then. */
  storesOf(machine: Machine): SharedStores {
    const { verdict, tweaks } = this.#options
    const stores = new SharedStores({
      ...{ machine, verdict, tweaks },
      engine: this.#engine,
      promises: this.#promises,
      fewestCharacters: this.#fewestCharacters,
    })
    return stores
  }

  /** Lets somebody look at the locks of a server now and then. */
  scheduleReads(machine: Machine, index: number, read: (task: (store: LockStore) => void) => void): void {
    const { kernel, random, plan } = this.#options
    const own = random.fork(10 + index)
    for (let count = READS; count > 0; count -= 1) {
      const name = own.pick(plan.names)
      kernel.after(own.between(0, HEALED_AT), () =>
        machine.run(() => read((store) => void store.inspect({ namespace: DEFAULT_NAMESPACE, name }).catch(() => {}))),
      )
    }
  }

  /** Begins to compare the servers; returns the way to end that. */
  compareAll(): () => void {
    return this.#observer.compareAll()
  }
}
