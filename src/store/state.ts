import type {
  Dialect,
  ErrorDescription,
  EventOf,
  Health,
  HolderView,
  Json,
  LockMode,
  LockStatus,
  Loss,
} from '../index.ts'

/**
 * Where a lock is, as a screen shows it. `acquiring`: no answer yet. `blocked`: somebody else holds. `failed`: the last
 * `acquire()` rejected.
 */
export type LockPhase = 'idle' | 'acquiring' | 'blocked' | 'held' | 'lost' | 'failed'

/** Why and when a lease ends, known before it does. */
export interface EndingSnapshot {
  readonly reason: EventOf<'ending'>['reason']
  /** Who comes next, as it describes itself. */
  readonly successor: Json
  /** Wall-clock ms, for people. */
  readonly endsAt: number
}

/** One `Lock` of the client, frozen and replaced as a whole. Heartbeats that go well do not change it. */
export interface LockSnapshot {
  /** The id of the `Lock`. */
  readonly id: string
  readonly name: string
  readonly mode: LockMode
  readonly phase: LockPhase
  /** Wall-clock ms at which the phase began. */
  readonly phaseSince: number
  /** While `blocked`: whether we wait for it. */
  readonly queued: boolean
  /** While `blocked` and queued: the place in the queue, 1 for the next in turn; `null` where there is no queue. */
  readonly position: number | null
  /** While `blocked` or `failed`: who held it when the server last said so. */
  readonly holders: readonly HolderView[]
  /** Wall-clock ms at which the server said so: what the durations in `holders` count from. */
  readonly holdersAt: number | null
  /** While `held`: how the heartbeats go. */
  readonly health: Health | null
  /** While `held` or `lost`: the id of the lease. */
  readonly lease: string | null
  readonly fencingToken: number | null
  /** What a heartbeat restores, in ms. */
  readonly leaseMs: number | null
  /** Wall-clock ms of the grant. */
  readonly heldSince: number | null
  /** While `held`: the end is fixed. */
  readonly ending: EndingSnapshot | null
  /** The heartbeats are withheld by the devtools. */
  readonly paused: boolean
  readonly loss: Loss | null
  readonly error: ErrorDescription | null
}

/** What the server last said of a watched name. */
export interface StatusSnapshot extends LockStatus {
  /** Wall-clock ms at which it said so: what the durations in `holders` count from. */
  readonly seenAt: number
}

/** How the client as a whole is connected. */
export interface ConnectionSnapshot {
  readonly dialect: Dialect | null
  /** Which thread sends heartbeats; `null` before the first lock. */
  readonly thread: 'worker' | 'page' | null
  /** Why it is the page though a worker was wanted. */
  readonly threadReason: string | null
  readonly online: boolean
  readonly visible: boolean
  readonly closed: boolean
}

/** What the store holds: a fold over the events of one client. */
export interface LockStoreState {
  /**
   * By the id of the `Lock`, for every lock that is not idle. What is over (`lost`, `failed`, `blocked` without a place
   * in the queue) stays until the next `acquire()` of that `Lock`; of the last 100 of them.
   */
  readonly locks: Readonly<Record<string, LockSnapshot>>
  /** By name, for the last 500 names that were watched. */
  readonly statuses: Readonly<Record<string, StatusSnapshot>>
  readonly connection: ConnectionSnapshot
}
