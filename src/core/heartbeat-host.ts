import type { SessionStanding } from '../protocol/session.ts'
import type { EndingReason, EndReason, Json } from '../protocol/wire.ts'
import type { Instant } from './clock.ts'
import type { ErrorDescription } from './errors.ts'
import type { Runtime } from './ports.ts'
import type { Term } from './term.ts'

/** What is kept alive, as the beat loop needs it: plain data, since it may cross to a worker. */
export type Beating = BeatingLock | BeatingSession

/** A held lock with a lease of its own. */
export interface BeatingLock extends BeatingBase {
  readonly kind: 'lock'
  readonly name: string
  /** `null` in the classic dialect. */
  readonly owner: string | null
  /** What each heartbeat asks for, in ms; `null` for the server's own. */
  readonly leaseMs: number | null
}

/** A session with all that it holds. */
export interface BeatingSession extends BeatingBase {
  readonly kind: 'session'
  /** Its secret. */
  readonly session: string
}

interface BeatingBase {
  /** The id of the lease or of the session, unique within the client. */
  readonly id: string
  readonly term: Term
  /** The first heartbeat is due at once, since it confirms a claim. */
  readonly confirm: boolean
  /** ms between heartbeats; `null` for a third of the lease, at most 15 s. */
  readonly intervalMs: number | null
  /** ms without a sign of the page after which its heartbeats stop; `null` for never. */
  readonly stallTimeoutMs: number | null
}

/** What the beat loop tells. Instants are of the thread that listens. */
export type HeartbeatReport =
  | { readonly type: 'sent'; readonly id: string }
  | {
      readonly type: 'renewed'
      readonly id: string
      readonly sentAt: Instant
      readonly expiresInMs: number
      readonly rttMs: number
      readonly ending: EndingReason | null
      readonly successor: Json
      /** How a session stands; `null` for a lock with a lease of its own. */
      readonly standing: SessionStanding | null
    }
  | { readonly type: 'refused'; readonly id: string; readonly reason: EndReason | 'no' }
  /** No heartbeat has succeeded in time, or the fixed end has come, and none is sent any more. */
  | { readonly type: 'lapsed'; readonly id: string }
  | { readonly type: 'failed'; readonly id: string; readonly error: ErrorDescription }
  /** The page did not answer for `stallTimeoutMs`, so its heartbeats are withheld. */
  | { readonly type: 'stalled'; readonly id: string; readonly silentMs: number }

/** Which thread beats, told once and at each change. */
export interface HeartbeatThread {
  readonly thread: 'worker' | 'page'
  /** Why the page beats; `null` for the worker. */
  readonly reason: string | null
  /** A worker was wanted, and could not be had or is gone. */
  readonly isLoss: boolean
}

/** ms without running from which on a thread stood still, and was not only busy for a moment. */
export const STOOD_STILL_MS = 1_000

/** The worker showed that it runs. */
export interface SignOfLife {
  /** ms for which it waited to be heard, at most: the page stood still meanwhile. */
  readonly ageMs: number
  /** ms by which the worker was late itself. */
  readonly lateMs: number
}

export interface HeartbeatHostOptions {
  /** What a host on the client's own thread runs on. */
  readonly page: PageRuntime
  readonly dispatch: (report: HeartbeatReport) => void
  readonly threadChanged: (thread: HeartbeatThread) => void
  readonly tick: (sign: SignOfLife) => void
}

/** The part of a `Runtime` that a beat loop needs. */
export type PageRuntime = Pick<Runtime, 'now' | 'slept' | 'wall' | 'setTimer' | 'random' | 'send'>

/** Sends the heartbeats of all held locks of one client, in a worker or on the page. */
export interface HeartbeatHost {
  /** Begins to beat for a lock or a session. */
  hold(beating: Beating): void
  /**
   * Stops to beat for a lock. Resolves when none of its heartbeats is on its way any more, be it that it was answered
   * or that its time-out passed (safety rule 7).
   */
  drop(id: string): Promise<void>
  /** Withholds the heartbeats of a lock, or sends them again: a fault that the devtools inject. */
  pause(id: string, paused: boolean): void
  /**
   * Beats at once.
   *
   * @param all for everything that is held, as when the network is back; otherwise only where the last heartbeat did not
   *   succeed, or one is due.
   */
  nudge(all: boolean): void
  /** The token that heartbeats authenticate with from now on. */
  setAuthToken(token: string | null): void
  close(): void
}
