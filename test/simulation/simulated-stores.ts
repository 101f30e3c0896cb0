import type { ServerClock } from '../../src/server/clock.ts'
import type { LockStore } from '../../src/server/store.ts'
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import { type BroughtBack, DurableDisk } from './durable-disk.ts'
import { DurableStore } from './durable-store.ts'
import type { Kernel } from './kernel.ts'
import { Machine } from './machine.ts'
import { MemoryMark } from './memory-mark.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import { remote } from './remote-store.ts'
import type { ServerHistory } from './server-history.ts'
import type { Tweaks } from './tweaks.ts'

/** What a mark rounds leases up to, in ms. */
const MARK_STEP_MS = 1_000
const NOTHING: BroughtBack = { sessions: [], holds: [], places: [] }

/** A store before it is watched. */
export interface BareStore {
  readonly store: LockStore
  readonly machine: Machine
  readonly clock: ServerClock
  /** ms in which it grants nothing. */
  readonly graceMs: number
  readonly broughtBack: BroughtBack
  readonly epochOf: (session: string) => number
}

export interface SimulatedStoresOptions {
  readonly plan: Plan
  readonly tweaks: Tweaks
  readonly kernel: Kernel
  readonly random: Random
  readonly history: ServerHistory
  /** Where the server runs. */
  readonly machine: Machine
  /** Puts the oracles around a store. */
  readonly watch: (bare: BareStore) => LockStore
  /** Told when the process of a store is gone: what it still does is nobody's business. */
  readonly gone: () => void
}

/** The stores of the processes of a server, one after another, with what outlives them. */
export class SimulatedStores {
  readonly #options: SimulatedStoresOptions
  readonly #mark = new MemoryMark()
  readonly #disk: DurableDisk
  #memory: MemoryStore | null = null
  #durable: DurableStore | null = null
  #remote: LockStore | null = null
  #downAt = 0
  #starts = 0

  constructor(options: SimulatedStoresOptions) {
    this.#options = options
    this.#disk = new DurableDisk(options.random.fork(1))
  }

  /** The store of a process that starts. */
  start(clock: ServerClock): LockStore {
    const { plan, watch } = this.#options
    this.#starts += 1
    if (plan.store === 'remote') return this.#reachRemote()
    if (plan.store === 'durable') return watch(this.#startDurable(clock))
    return watch(this.#startMemory(clock))
  }

  /** The process of the server is gone, or goes in good order. */
  stop(isGraceful: boolean): void {
    const { plan, machine, gone } = this.#options
    if (plan.store === 'remote') return
    gone()
    this.#downAt = machine.now()
    this.#durable?.crash()
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

  #startDurable(clock: ServerClock): BareStore {
    const { machine } = this.#options
    const broughtBack = this.#starts === 1 ? NOTHING : this.#disk.bringBack(this.#downAt)
    const durable = new DurableStore({
      clock,
      disk: this.#disk,
      broughtBack,
      createMemory: (options) => this.#create(options),
    })
    this.#durable = durable
    const epochOf = (session: string) => durable.epochOf(session)
    return this.#bare(durable, { machine, clock, graceMs: 0, broughtBack, epochOf })
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

  #create(options: MemoryStoreOptions): MemoryStore {
    const { storeOptions = (same) => same } = this.#options.tweaks
    return createMemoryStore(storeOptions(options))
  }

  #bare(store: LockStore, bare: Pick<BareStore, 'machine' | 'clock' | 'graceMs'> & Partial<BareStore>): BareStore {
    const { store: wrap = (same) => same } = this.#options.tweaks
    return { broughtBack: NOTHING, epochOf: () => 0, ...bare, store: wrap(store, bare.clock) }
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
