import type { HeartbeatHostOptions } from '../core/heartbeat-host.ts'
import { BeatLoop } from './loop.ts'

/** Sends the heartbeats from this thread. */
export function pageHost({ page, dispatch }: Pick<HeartbeatHostOptions, 'page' | 'dispatch'>): BeatLoop {
  return new BeatLoop({ ...page, report: dispatch, silentMs: () => 0 })
}
