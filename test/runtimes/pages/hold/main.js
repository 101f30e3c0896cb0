import { Lock, Lockable } from 'lockable'

const HEARTBEAT_MS = 300

/** Takes a lock, keeps it while this thread is busy, and releases it by leaving the scope. */
globalThis.hold = async (url, name, worker = 'auto') => {
  await using lockable = new Lockable({
    url,
    worker,
    leaseDuration: 10 * HEARTBEAT_MS,
    heartbeatInterval: HEARTBEAT_MS,
  })
  const events = []
  lockable.subscribe((event) => events.push(event))
  const beats = () => events.filter(({ type }) => type === 'heartbeat.ok').length
  let held
  {
    await using lease = await new Lock(name, {}, lockable).acquire()
    await until(lockable, () => beats() >= 1)
    block(5 * HEARTBEAT_MS)
    const freeAgain = performance.now()
    const before = beats()
    await until(lockable, () => beats() >= before + 3)
    const { thread, reason } = events.find(({ type }) => type === 'heartbeat.thread') ?? {}
    held = {
      state: lease.state,
      thread,
      reason,
      caughtUpInTime: performance.now() - freeAgain < HEARTBEAT_MS,
      token: lease.fencingToken,
    }
    await globalThis.isHeld(held)
  }
  return {
    ...held,
    released: events.filter(({ type }) => type === 'release.answered').map((each) => each.acknowledged),
  }
}

/** Resolves when the condition holds after an event. */
function until(lockable, condition) {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition()) return
      stop()
      resolve()
    }
    const stop = lockable.subscribe(look)
    look()
  })
}

function block(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}
