import type { HeartbeatHost } from '../../src/core/heartbeat-host.ts'
import type { Runtime } from '../../src/core/ports.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import type { LockStore } from '../../src/server/store.ts'
import type { MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import type { SharedLog } from '../../src/server/stores/shared/log.ts'
import type { Machine } from './machine.ts'

/** What a client is given from outside, but for the heartbeats. */
export type ClientPorts = Omit<Runtime, 'heartbeatHost'>

/** What can be put between the product and the simulation, to break a rule on purpose. */
export interface Tweaks {
  readonly ports?: (ports: ClientPorts, machine: Machine) => ClientPorts
  readonly host?: (host: HeartbeatHost, ports: ClientPorts) => HeartbeatHost
  readonly storeOptions?: (options: MemoryStoreOptions) => MemoryStoreOptions
  readonly store?: (store: LockStore, clock: ServerClock) => LockStore
  /** The way of a server to a log that it shares. */
  readonly log?: (log: SharedLog, clock: ServerClock) => SharedLog
  /** Changes the product itself, and returns the way to undo that. */
  readonly patch?: () => () => void
}
