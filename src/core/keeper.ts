import type { HeartbeatReport } from './heartbeat-host.ts'
import type { Term } from './term.ts'

/** A lease as its keeper sees it. */
export interface Kept {
  /** The id of the lease. */
  readonly id: string
  /** Told of each heartbeat, and what came of it. */
  hear(report: HeartbeatReport): void
  /** Looks at the clocks, which ends the lease if its time is over. */
  look(): void
}

/** What keeps one grant alive at the server and gives it back: by requests of its own, or within a session. */
export interface Keeper {
  /** Begins to renew the grant; once. */
  begin(kept: Kept): void
  /** Stops to renew it. Resolves when no heartbeat is on its way that a release must not overtake (safety rule 7). */
  end(): Promise<void>
  /** Withholds the renewals, or lets them through again: a fault that the devtools inject. */
  pause(paused: boolean): void
  /**
   * Tells the server that the holder let go, after `end()`.
   *
   * @param term until when the grant is certain to be ours.
   * @param ended what `end()` returned.
   * @returns the server's boolean; `false` if it was too late to tell it.
   */
  release(term: Term, ended: Promise<void>): Promise<boolean>
  /** Hands back a grant that is lost while the server may still have it for us, after `end()`. */
  handBack(term: Term, ended: Promise<void>): Promise<unknown>
  /** Hands the grant back from a page that is about to go: at once, since nothing of it runs after this. */
  leave(term: Term): Promise<unknown>
}
