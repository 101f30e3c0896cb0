/** How often the clients here beat, in ms. */
export const HEARTBEAT_MS = 300

/**
 * Waits until it is known which thread of `lockable` beats, keeps this thread busy for `busyMs`, and sees some heartbeats
 * after that.
 *
 * @returns which thread beats, and whether the heartbeats that came then had been sent while this thread was busy.
 */
export async function stayBusy(lockable, busyMs) {
  if (threadsOf(lockable).length === 0) await next(lockable, 'heartbeat.thread', 1)
  await next(lockable, 'heartbeat.ok', 1)
  block(busyMs)
  const freeAgain = performance.now()
  // A thread that sent none meanwhile would need three intervals for them.
  await next(lockable, 'heartbeat.ok', 3)
  const caughtUpInTime = performance.now() - freeAgain < HEARTBEAT_MS
  return { thread: threadsOf(lockable).at(-1)?.thread, caughtUpInTime }
}

/** The events that tell which thread beats. */
export function threadsOf(lockable) {
  return lockable.history().filter(({ type }) => type === 'heartbeat.thread')
}

/** Resolves when so many more events of that type have come. */
function next(lockable, type, count) {
  return new Promise((resolve) => {
    let left = count
    const stop = lockable.subscribe((event) => {
      if (event.type !== type) return
      left -= 1
      if (left > 0) return
      stop()
      resolve()
    })
  })
}

/** Keeps this thread from doing anything else. */
function block(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}
