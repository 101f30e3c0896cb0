import { LockClient } from '../../src/core/client.ts'
import type { LockableEvent } from '../../src/core/events.ts'
import type { PageChange, Runtime } from '../../src/core/ports.ts'
import type { LockableOptions } from '../../src/core/types.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import type { VirtualBrowser, VirtualTab } from './virtual-browser.ts'
import { VirtualMachine } from './virtual-time.ts'
import { portsOf, type VirtualWorker, VirtualWorkers } from './virtual-worker.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** Where a client runs. */
export interface VirtualPlace {
  /** In a tab of it. Default: there is none. */
  readonly browser?: VirtualBrowser
  /** Whether its heartbeats come from a worker. Default: they come from its own thread. */
  readonly hasWorker?: boolean
}

/** What a page is told, and tells. */
interface VirtualPage {
  listener: ((change: PageChange) => void) | null
  prevented: number
}

/** All that a client is made on. */
interface Ground {
  readonly world: VirtualWorld
  readonly machine: VirtualMachine
  readonly page: VirtualPage
  readonly workers: VirtualWorkers | null
  readonly exceptions: unknown[]
}

/** The real client on a virtual machine. */
export class VirtualClient extends LockClient {
  readonly machine: VirtualMachine
  /** The tab that it runs in, if there is a browser. */
  readonly tab: VirtualTab | null
  readonly events: LockableEvent[] = []
  readonly exceptions: unknown[]
  readonly #page: VirtualPage
  readonly #workers: VirtualWorkers | null

  constructor(world: VirtualWorld, options: LockableOptions, { browser, hasWorker = false }: VirtualPlace) {
    const machine = new VirtualMachine(world.time)
    const page: VirtualPage = { listener: null, prevented: 0 }
    const exceptions: unknown[] = []
    const sendFrom = (worker: VirtualMachine) => world.send(worker)
    const workers = hasWorker ? new VirtualWorkers({ time: world.time, page: machine, sendFrom }) : null
    const runtime = virtualRuntime({ world, machine, page, workers, exceptions })
    const tab = browser?.tab(machine) ?? null
    super(options, { ...runtime, ...tab?.ports(runtime) })
    this.machine = machine
    this.tab = tab
    this.exceptions = exceptions
    this.#page = page
    this.#workers = workers
    this.subscribe((event) => this.events.push(event))
  }

  /** The workers that were started for it, in order. */
  get workers(): readonly VirtualWorker[] {
    return this.#workers?.started ?? []
  }

  /** The page changes, as a browser would tell. */
  changePage(change: PageChange): void {
    this.#page.listener?.(change)
  }

  /** By how many it is kept from being frozen right now. */
  get prevented(): number {
    return this.#page.prevented
  }

  /** The types of the events so far. */
  types(): string[] {
    return this.events.map(({ type }) => type)
  }
}

let owners = 0

function virtualRuntime({ world, machine, page, workers, exceptions }: Ground): Runtime {
  return {
    ...portsOf(machine),
    newSecret: () => {
      owners += 1
      return `owner${String(owners).padStart(17, '0')}`
    },
    send: world.send(machine),
    openStream: world.openStream(machine),
    environmentToken: () => null,
    heartbeatHost: (host) =>
      new SupervisedHost({ ...host, url: '', choices: workers?.choices ?? 'there are no workers here' }),
    whileParking: (poll) => poll(true),
    onPageChange: (listener) => {
      page.listener = listener
      return () => {
        page.listener = null
      }
    },
    preventFreezing: () => {
      page.prevented += 1
      return () => {
        page.prevented -= 1
      }
    },
    reportException: (error) => exceptions.push(error),
  }
}
