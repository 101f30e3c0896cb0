import type { TabChannel, Tabs } from '../core/ports.ts'
import { isMultiplexed, parkingLock } from './parking.ts'

/**
 * The tabs of this browser that use the server at `url`; `null` outside browsers, where requests to it share one
 * connection anyway, and where tabs cannot take turns or talk to each other.
 *
 * Whose turn it is holds the native Web Lock of all that parks a request at the same origin. That is all they share with
 * tabs that use another `url` there: of those, one leads and the others poll.
 */
export function tabsOf(url: string): Tabs | null {
  if (typeof window === 'undefined' || typeof BroadcastChannel === 'undefined') return null
  const { origin } = new URL(url)
  const locks = globalThis.navigator?.locks
  if (!locks || isMultiplexed(origin)) return null
  return {
    lead: (signal, lead) => locks.request(parkingLock(origin), { signal }, lead),
    join: (heard) => joinChannel(`lockable:stream:${url}`, heard),
  }
}

function joinChannel(name: string, heard: (message: unknown) => void): TabChannel {
  const channel = openChannel(name)
  if (channel === null) return { post: () => {}, close: () => {} }
  channel.onmessage = ({ data }) => heard(data)
  return {
    post: (message) => channel.postMessage(message),
    close: () => {
      channel.onmessage = null
      channel.close()
    },
  }
}

/** Where the page may not use its storage, some browsers refuse it a channel: it leads for itself, then. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}
