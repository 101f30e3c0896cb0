import type { Runtime } from './core/ports.ts'
import type { LockableOptions } from './core/types.ts'
import { startHeartbeatHost } from './heartbeat/start.ts'
import { baseUrl } from './platform/base-url.ts'
import { platformClock } from './platform/clock.ts'
import { environmentVariable } from './platform/environment.ts'
import { fetchSend } from './platform/fetch-send.ts'
import { fetchStream } from './platform/fetch-stream.ts'
import { preventFreezing } from './platform/freezing.ts'
import { onPageChange } from './platform/page.ts'
import { whileParking } from './platform/parking.ts'
import { secret } from './platform/secret.ts'
import { tabsOf } from './platform/tabs.ts'
import { platformTimers } from './platform/timers.ts'

/** The runtime that the program runs in, for one client. */
export function platformRuntime(options: LockableOptions): Runtime {
  const url = baseUrl(options.url)
  const origin = new URL(url).origin
  return {
    ...platformClock,
    ...platformTimers,
    random: Math.random,
    newSecret: secret,
    send: fetchSend(url, options.fetch),
    openStream: fetchStream(url, options.fetch),
    environmentToken: () => environmentVariable('LOCKABLE_AUTH_TOKEN') || null,
    heartbeatHost: (host) =>
      startHeartbeatHost({
        ...host,
        url,
        worker: options.worker ?? 'auto',
        ownFetch: options.fetch !== undefined,
      }),
    whileParking: (poll) => whileParking(origin, poll),
    tabs: () => tabsOf(url),
    onPageChange,
    preventFreezing,
    reportException: (error) => {
      // biome-ignore lint/suspicious/noConsole: an exception of the application must not vanish, nor end our own work.
      console.error('A lockable callback threw:', error)
    },
  }
}
