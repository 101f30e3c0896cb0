import type { Beating, HeartbeatReport } from '../core/heartbeat-host.ts'
import type { Stamp } from './peer-clock.ts'

/** What the page tells its worker. Everything that crosses between the two threads is here. */
export type ToWorker =
  | { readonly type: 'start'; readonly url: string }
  | { readonly type: 'hold'; readonly beating: Beating }
  | { readonly type: 'drop'; readonly id: string }
  | { readonly type: 'pause'; readonly id: string; readonly paused: boolean }
  | { readonly type: 'nudge'; readonly all: boolean }
  | { readonly type: 'token'; readonly authToken: string | null }
  /** The page runs: the answer to each `tick`. */
  | { readonly type: 'alive' }

/** What the worker tells its page. */
export type ToPage =
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly report: HeartbeatReport }
  /** No heartbeat of this lock is on its way any more. */
  | { readonly type: 'dropped'; readonly id: string }
  /**
   * The worker runs. `nextMs`: when it will say so again; `null` if it holds nothing and so will not. `lateMs`: by how
   * much it says so later than it said.
   */
  | { readonly type: 'tick'; readonly nextMs: number | null; readonly lateMs: number }

/** A message with the clock of who sent it. */
export interface Stamped<Message> {
  readonly stamp: Stamp
  readonly message: Message
}
