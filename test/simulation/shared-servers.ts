import type { ServerClock } from '../../src/server/clock.ts'
import type { LockStore } from '../../src/server/store.ts'
import { SharedStore } from '../../src/server/stores/shared/shared-store.ts'
import type { Machine } from './machine.ts'
import type { StoreOwner } from './server.ts'
import type { SimulatedEngine } from './simulated-engine.ts'
import type { ToldPromises } from './told-promises.ts'
import type { Tweaks } from './tweaks.ts'
import type { Verdict } from './verdict.ts'

/** A process that could not read the log is started anew after so many ms. */
const RESTART_MS = 300
/** A process that ends in good order closes its store after so many ms. */
const CLOSE_MS = 15

export interface SharedStoresOptions {
  readonly machine: Machine
  readonly engine: SimulatedEngine
  readonly promises: ToldPromises
  readonly verdict: Verdict
  readonly tweaks: Tweaks
  readonly fewestCharacters: number
}

/** The shared stores of the processes of one server, one after another. */
export class SharedStores implements StoreOwner {
  readonly #options: SharedStoresOptions
  #store: SharedStore | null = null
  #starts = 0

  constructor(options: SharedStoresOptions) {
    this.#options = options
  }

  async start(clock: ServerClock): Promise<LockStore> {
    const { machine, promises, tweaks } = this.#options
    for (;;) {
      try {
        const opened = await this.#open(clock)
        this.#store = opened
        return promises.listenTo(tweaks.store?.(opened, clock) ?? opened)
      } catch {
        await new Promise<void>((resolve) => machine.setTimer(resolve, RESTART_MS))
      }
    }
  }

  drain(): void {
    const store = this.#store
    this.#options.machine.setTimer(() => void store?.close().catch(() => undefined), CLOSE_MS)
  }

  stop(): void {}

  #open(clock: ServerClock): Promise<SharedStore> {
    const { machine, engine, verdict, tweaks, fewestCharacters } = this.#options
    this.#starts += 1
    const server = `${machine.label}-${this.#starts}`
    const log = engine.open(machine)
    return SharedStore.open({
      ...{ kind: 'shared', clock, server, limits: {}, fewestCharacters, tokenFloor: 0 },
      log: tweaks.log?.(log, clock) ?? log,
      onError: (error) => {
        // A snapshot that could not be kept is no harm.
        if (error instanceof Error && error.message === 'no answer') return
        verdict.broken('exception', `${server} follows the log no longer: ${error}`)
      },
    })
  }
}
