import { Lock, Lockable } from 'lockable'

const HEARTBEAT_MS = 300
const LEASE_MS = 1_500
const { report, whileHeld } = globalThis
const query = new URLSearchParams(location.search)

/**
 * Takes a lock, keeps it while this thread is busy, releases it by leaving the scope, and reports how it went.
 *
 * @param worker as in the options of a client.
 */
export async function hold(worker) {
  const events = []
  {
    await using lockable = new Lockable({
      url: query.get('url'),
      worker,
      leaseDuration: LEASE_MS,
      heartbeatInterval: HEARTBEAT_MS,
    })
    lockable.subscribe((event) => events.push(event))
    await using lease = await new Lock(query.get('name'), {}, lockable).acquire()
    await heartbeats(lockable, 1)
    block(Number(query.get('block') ?? 3 * LEASE_MS))
    const freeAgain = performance.now()
    // Those that were sent meanwhile; a thread that sent none would need three intervals for them.
    await heartbeats(lockable, 3)
    const caughtUpInTime = performance.now() - freeAgain < HEARTBEAT_MS
    const thread = events.find(({ type }) => type === 'heartbeat.thread')?.thread
    await whileHeld({ state: lease.state, token: lease.fencingToken, thread, caughtUpInTime })
  }
  await report(events.filter(({ type }) => type === 'release.answered').map(({ acknowledged }) => acknowledged))
}

/** Resolves when so many more heartbeats have succeeded. */
function heartbeats(lockable, count) {
  return new Promise((resolve) => {
    let left = count
    const stop = lockable.subscribe(({ type }) => {
      if (type !== 'heartbeat.ok') return
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
