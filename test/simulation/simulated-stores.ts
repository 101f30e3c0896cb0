import type { ServerClock } from '../../src/server/clock.ts'
import type { LockStore } from '../../src/server/store.ts'
import type { Database } from '../../src/server/stores/durable/database.ts'
import { DurableStore } from '../../src/server/stores/durable/durable-store.ts'
import { readRecords } from '../../src/server/stores/durable/records.ts'
import { recover } from '../../src/server/stores/durable/recovery.ts'
import {
  type MemoryStore,
  type MemoryStoreOptions,
  type Remembrance,
  StoreInMemory,
} from '../../src/server/stores/memory.ts'
import { VirtualDisk } from '../server/virtual-disk.ts'
import { acknowledged } from './acknowledged-store.ts'
import { type BroughtBack, NOTHING_BROUGHT } from './brought-back.ts'
import type { Kernel } from './kernel.ts'
import { Machine } from './machine.ts'
import { MemoryMark } from './memory-mark.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import { remote } from './remote-store.ts'
import type { StoreOwner } from './server.ts'
import type { ServerHistory } from './server-history.ts'
import type { Tweaks } from './tweaks.ts'
import type { Verdict } from './verdict.ts'

/** What a mark rounds leases up to, in ms. */
const MARK_STEP_MS = 1_000
/** How long a write takes at most, in ms: some disks are slow. */
const LONGEST_WRITES_MS = [2, 20, 400]
/** How often what is over is deleted late. */
const LATE_CHANCE = 0.5

/** A store before it is watched. */
export interface BareStore {
  readonly store: LockStore
  readonly machine: Machine
  readonly clock: ServerClock
  /** ms in which it grants nothing. */
  readonly graceMs: number
  /** How much later than promised it ends what it has granted, in ms. */
  readonly lateMs: number
  readonly broughtBack: BroughtBack
}

export interface SimulatedStoresOptions {
  readonly plan: Plan
  readonly tweaks: Tweaks
  readonly kernel: Kernel
  readonly random: Random
  readonly history: ServerHistory
  /** Where the server runs. */
  readonly machine: Machine
  readonly verdict: Verdict
  /** Puts the oracles around a store. */
  readonly watch: (bare: BareStore) => LockStore
  /** Told when the process of a store is gone: what it still does is nobody's business. */
  readonly gone: () => void
}

/** The stores of the processes of a server, one after another, with what outlives them. */
export class SimulatedStores implements StoreOwner {
  readonly #options: SimulatedStoresOptions
  readonly #mark = new MemoryMark()
  readonly #disk = new VirtualDisk()
  readonly #diskRandom: Random
  readonly #longestWriteMs: number
  #memory: MemoryStore | null = null
  #remote: LockStore | null = null
  #starts = 0

  constructor(options: SimulatedStoresOptions) {
    this.#options = options
    this.#diskRandom = options.random.fork(1)
    this.#longestWriteMs = this.#diskRandom.pick(LONGEST_WRITES_MS)
    this.#disk.deletesLate = this.#diskRandom.chance(LATE_CHANCE)
  }

  /** The store of a process that starts. */
  start(clock: ServerClock): LockStore {
    const { plan, watch } = this.#options
    this.#starts += 1
    if (plan.store === 'remote') return this.#reachRemote()
    if (plan.store === 'durable') return this.#startDurable(clock)
    return watch(this.#startMemory(clock))
  }

  /** The process of the server is gone, or goes in good order. */
  stop(isGraceful: boolean): void {
    const { plan, gone } = this.#options
    if (plan.store === 'remote') return
    gone()
    if (plan.store === 'durable') this.#crashDisk()
    if (isGraceful && plan.store === 'mark') void this.#memory?.close()
  }

  #startMemory(clock: ServerClock): BareStore {
    const { plan, machine } = this.#options
    const isFirst = this.#starts === 1
    const grace = isFirst ? 0 : Math.ceil(plan.graceMs)
    const memory = this.#create(plan.store === 'mark' ? { clock, mark: this.#mark } : { clock, grace })
    this.#memory = memory
    return this.#bare(memory, { machine, clock, graceMs: memory.graceMs })
  }

  /** What is watched are the steps, before they are on disk: only their answers wait for that. */
  #startDurable(clock: ServerClock): LockStore {
    const { machine, watch, verdict } = this.#options
    const entries = this.#disk.entries()
    const inherited = recover(readRecords(entries))
    const durable = new DurableStore({
      kind: 'durable',
      database: this.#openDisk(),
      entries,
      inherited,
      createSteps: (remembrance) =>
        watch(this.#bare(this.#create({ clock }, remembrance), { machine, clock, graceMs: 0, broughtBack: inherited })),
      onError: (error) => {
        throw error
      },
    })
    return acknowledged(durable, this.#disk, verdict)
  }

  #openDisk(): Database {
    const { kernel, machine } = this.#options
    const { epoch } = machine
    return this.#disk.open((done) => {
      kernel.after(this.#diskRandom.between(0, this.#longestWriteMs), () => {
        if (epoch === machine.epoch) machine.run(done)
      })
    })
  }

  /** Of what was not sure to last, some of it did, from the beginning on. */
  #crashDisk(): void {
    this.#disk.crash(this.#diskRandom.whole(0, this.#disk.unsure))
    this.#options.history.forgetTokens(readRecords(this.#disk.entries()).lastToken)
  }

  #reachRemote(): LockStore {
    const { kernel, random, history, machine, watch, plan } = this.#options
    if (this.#remote === null) {
      const elsewhere = new Machine('store', kernel, random.fork(2), plan.storeRate)
      const clock = clockOf(elsewhere)
      this.#remote = watch(this.#bare(this.#create({ clock }), { machine: elsewhere, clock, graceMs: 0 }))
    }
    return remote(this.#remote, { kernel, random: random.fork(10 + this.#starts), history, machine })
  }

  #create(options: MemoryStoreOptions, remembrance?: Remembrance): MemoryStore {
    const { storeOptions = (same) => same } = this.#options.tweaks
    return new StoreInMemory(storeOptions(options), remembrance)
  }

  #bare(store: LockStore, bare: Pick<BareStore, 'machine' | 'clock' | 'graceMs'> & Partial<BareStore>): BareStore {
    const { store: wrap = (same) => same } = this.#options.tweaks
    return { broughtBack: NOTHING_BROUGHT, lateMs: 0, ...bare, store: wrap(store, bare.clock) }
  }
}

/** The clocks of a machine, for what runs on it. */
export function clockOf(machine: Machine): ServerClock {
  return {
    now: () => machine.now(),
    wall: () => machine.wall(),
    setTimer: (fire, ms) => machine.setTimer(fire, ms),
  }
}

/** The longest that a store may grant nothing after a restart, in ms. */
export function longestGraceOf({ graceMs }: Plan): number {
  return Math.ceil(graceMs / MARK_STEP_MS) * MARK_STEP_MS
}
