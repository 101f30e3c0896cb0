import type { Connection } from './connection.ts'
import type { EventLog } from './event-log.ts'
import type { HeartbeatHost } from './heartbeat-host.ts'
import type { Lease } from './lease.ts'
import type { Runtime } from './ports.ts'
import type { LockableOptions } from './types.ts'

/** What the locks and leases of one client share. */
export interface ClientContext {
  readonly runtime: Runtime
  readonly connection: Connection
  readonly events: EventLog
  readonly options: LockableOptions
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal
  /** The leases that are held, by id. */
  readonly leases: Map<string, Lease>
  /** Sends the heartbeats; started when the first lock is held. */
  host(): HeartbeatHost
  /** A number that no lock or lease of this client has had. */
  newId(): string
  /** Lets `task` go on by itself, and `close()` wait for it. What it rejects with is nobody's business any more. */
  background(task: Promise<unknown>): void
  /** Called with the first `acquire()`: from then on the page is listened to. */
  attend(): void
}
