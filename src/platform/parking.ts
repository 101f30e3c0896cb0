/**
 * Runs `poll(true)` if a request may be parked at `origin`, `poll(false)` if not.
 *
 * Over HTTP/1.1 a browser has six connections to an origin for all of its tabs, and six parked requests starve every
 * heartbeat in every tab. So one tab at a time parks, the one that holds a native Web Lock, and the others poll.
 * Outside browsers there is no such limit.
 *
 * Tabs that share a stream (`tabs.ts`) queue for the same lock. Nothing is parked here while one of them leads or is in
 * the queue; so it leads as soon as what is parked has been answered.
 */
export async function whileParking<T>(origin: string, poll: (mayPark: boolean) => Promise<T>): Promise<T> {
  if (typeof window === 'undefined') return poll(true)
  if (isMultiplexed(origin)) return poll(true)
  const locks = globalThis.navigator?.locks
  if (!locks) return poll(false)
  let polling: Promise<T> | null = null
  try {
    return await locks.request(parkingLock(origin), { ifAvailable: true }, (turn) => {
      polling = poll(turn !== null)
      return polling
    })
  } catch (error) {
    // Where the page may not use Web Locks, as in a sandboxed frame, the request fails before it has called us.
    if (polling === null) return poll(false)
    throw error
  }
}

/** The native Web Lock whose holder may park one request at `origin`. */
export function parkingLock(origin: string): string {
  return `lockable:parking:${origin}`
}

/** Whether requests to `origin` share one connection: the browser says so of one that was made before. */
export function isMultiplexed(origin: string): boolean {
  const made = performance.getEntriesByType('resource').findLast(({ name }) => name.startsWith(`${origin}/`))
  const protocol = (made as PerformanceResourceTiming | undefined)?.nextHopProtocol
  return protocol === 'h2' || protocol === 'h3'
}
