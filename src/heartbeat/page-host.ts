import type { HeartbeatHost, HeartbeatHostOptions } from '../core/heartbeat-host.ts'
import type { Send } from '../core/ports.ts'
import { platformClock } from '../platform/clock.ts'
import { platformTimers } from '../platform/timers.ts'
import { BeatLoop } from './loop.ts'

/** Sends the heartbeats from this thread. */
export function pageHost(dispatch: HeartbeatHostOptions['dispatch'], send: Send): HeartbeatHost {
  return new BeatLoop({
    ...platformClock,
    ...platformTimers,
    random: Math.random,
    send,
    report: dispatch,
    silentMs: () => 0,
  })
}
