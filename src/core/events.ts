import type { EndingReason, HolderView, Json, LockMode, Steal } from '../protocol/wire.ts'
import type { ErrorDescription } from './errors.ts'
import type { Loss } from './loss.ts'
import type { PageChange } from './ports.ts'

/** Which dialect the server at the other end speaks. */
export type Dialect = 'classic' | 'owned'

/** How a held lock fares. */
export type Health = 'ok' | 'late' | 'offline'

/** What can happen, without the members that all events share. `lock` is the id of a `Lock`, `lease` that of a `Lease`. */
export type EventBody =
  /** `acquire()` was called. */
  | {
      readonly type: 'acquire.started'
      readonly lock: string
      readonly name: string
      readonly mode: LockMode
      readonly blocking: boolean
      readonly steal: Steal | null
    }
  /** A request for the lock went out. */
  | { readonly type: 'acquire.sent'; readonly lock: string; readonly name: string; readonly attempt: number }
  /** Somebody else holds, and we wait. `position` is 1 for the next in turn, `null` where there is no queue. */
  | {
      readonly type: 'acquire.waiting'
      readonly lock: string
      readonly name: string
      readonly position: number | null
      readonly holders: readonly HolderView[]
    }
  /** An attempt brought no answer; it is repeated. */
  | { readonly type: 'acquire.retried'; readonly lock: string; readonly name: string; readonly error: ErrorDescription }
  /** `acquire()` rejects: not acquired, timed out, aborted or failed. */
  | {
      readonly type: 'acquire.ended'
      readonly lock: string
      readonly name: string
      readonly error: ErrorDescription
      readonly holders: readonly HolderView[]
    }
  /** The lock is held from now on. */
  | {
      readonly type: 'granted'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly mode: LockMode
      readonly fencingToken: number | null
      /** What a heartbeat restores, in ms. */
      readonly leaseMs: number
      /** ms that are certain from the time of this event. */
      readonly remainingMs: number
      readonly waitedMs: number
      /** A claim out of the queue, which the first heartbeat confirms. */
      readonly claim: boolean
    }
  | { readonly type: 'heartbeat.sent'; readonly lock: string; readonly name: string; readonly lease: string }
  | {
      readonly type: 'heartbeat.ok'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly rttMs: number
      /** ms that are certain from the time of this event. */
      readonly remainingMs: number
    }
  | {
      readonly type: 'heartbeat.failed'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly error: ErrorDescription
      readonly remainingMs: number
    }
  /** The server said no to a heartbeat; `lost` follows. */
  | {
      readonly type: 'heartbeat.refused'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly reason: string
    }
  /** The page did not answer its worker for so long that heartbeats are withheld (`stallTimeout`). */
  | {
      readonly type: 'heartbeat.stalled'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly silentMs: number
    }
  /** Heartbeats are withheld, or sent again: a fault injected with the devtools. */
  | {
      readonly type: 'heartbeat.paused' | 'heartbeat.resumed'
      readonly lock: string
      readonly name: string
      readonly lease: string
    }
  | {
      readonly type: 'health'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly health: Health
      readonly remainingMs: number
    }
  /** The end of the lease is fixed: somebody takes over, or an operator revoked it. */
  | {
      readonly type: 'ending'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly reason: EndingReason
      readonly successor: Json
      readonly remainingMs: number
    }
  | {
      readonly type: 'lost'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly loss: Loss
    }
  /** The holder let go. */
  | { readonly type: 'released'; readonly lock: string; readonly name: string; readonly lease: string }
  /** The server's answer to a release; `acknowledged: false` if it could not be told. */
  | {
      readonly type: 'release.answered'
      readonly lock: string
      readonly name: string
      readonly lease: string
      readonly acknowledged: boolean
      readonly error: ErrorDescription | null
    }
  /** What a watched name looks like to everybody. `state: 'unknown'` where the server cannot be asked. */
  | {
      readonly type: 'status'
      readonly name: string
      readonly state: 'free' | 'held' | 'unknown'
      readonly holders: readonly HolderView[]
      readonly waiters: number
    }
  | { readonly type: 'dialect'; readonly dialect: Dialect }
  /** Which thread sends the heartbeats, and why it is the page if a worker was wanted. */
  | { readonly type: 'heartbeat.thread'; readonly thread: 'worker' | 'page'; readonly reason: string | null }
  /** The worker showed that it runs. */
  | { readonly type: 'worker.tick' }
  /** The worker could not be had, or is gone: the page beats. Where it may help, another one is tried. */
  | { readonly type: 'worker.lost'; readonly reason: string }
  /** The page did not run for `ms`, and its worker did: something blocked its thread. */
  | { readonly type: 'page.stalled'; readonly ms: number }
  /** Neither the page nor its worker ran for `ms`: they were frozen or stopped, or the machine slept or had no time. */
  | { readonly type: 'page.suspended'; readonly ms: number }
  | { readonly type: `page.${PageChange}` }
  | { readonly type: 'client.closed' }

/** The members that all events share. */
export interface EventStamp {
  /** The version of the event format. */
  readonly v: 1
  /** The number of the event within its client, from 1. */
  readonly seq: number
  /** Monotonic ms; a sleep of the machine is not counted, and shows as a difference to `wall`. */
  readonly at: number
  /** Wall-clock ms since 1970. */
  readonly wall: number
}

/** One thing that happened in a client: plain data that survives JSON, without tokens and owners. */
export type LockableEvent = EventStamp & EventBody

export type EventType = EventBody['type']

/** The event with this `type`. */
export type EventOf<Type extends EventType> = LockableEvent extends infer Event
  ? Event extends { readonly type: infer Own }
    ? Type extends Own
      ? Event & { readonly type: Type }
      : never
    : never
  : never
