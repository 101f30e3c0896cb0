import type { Connection } from './connection.ts'
import type { EventLog } from './event-log.ts'
import type { HeartbeatHost, HeartbeatReport } from './heartbeat-host.ts'
import type { HeldLeases } from './held-leases.ts'
import type { Runtime } from './ports.ts'
import type { Sessions } from './session/sessions.ts'
import type { LockableOptions } from './types.ts'

/** What the locks and leases of one client share. */
export interface ClientContext {
  /** Whatever it calls back has passed the `WakeGate`. */
  readonly runtime: Runtime
  readonly connection: Connection
  readonly events: EventLog
  readonly options: LockableOptions
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal
  /** The leases that are held. */
  readonly leases: HeldLeases
  /** Who hears of heartbeats, by the id of the lease or of the session that they are for. */
  readonly listeners: Map<string, (report: HeartbeatReport) => void>
  /** The sessions of this client; unused where the server knows none. */
  readonly sessions: Sessions
  /** Sends the heartbeats; started with the first `acquire()`, so that a worker is ready when something is held. */
  host(): HeartbeatHost
  /** A number that no lock or lease of this client has had. */
  newId(): string
  /** Lets `task` go on by itself, and `close()` wait for it. What it rejects with is nobody's business any more. */
  background(task: Promise<unknown>): void
  /** Runs what calls the application: now, or when the `WakeGate` opens. */
  whenAwake(task: () => void): void
  /** Called with the first `acquire()`: from then on the page is listened to. */
  attend(): void
}
