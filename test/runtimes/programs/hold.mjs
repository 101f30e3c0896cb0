import { Lockable } from 'lockable'
import { say } from './say.mjs'

const [url, name] = process.argv.slice(2)
const HEARTBEAT_MS = 300
const LEASE_MS = 1_500
const lockable = new Lockable({ url, leaseDuration: LEASE_MS, heartbeatInterval: HEARTBEAT_MS })
const heartbeats = { seen: 0, wanted: Number.POSITIVE_INFINITY, enough: () => {} }
let thread
const settled = new Promise((resolve) => {
  lockable.subscribe((event) => {
    if (event.type !== 'heartbeat.thread') return
    thread = event.thread
    resolve()
  })
})
lockable.subscribe((event) => {
  if (event.type !== 'heartbeat.ok') return
  heartbeats.seen += 1
  if (heartbeats.seen >= heartbeats.wanted) heartbeats.enough()
})

// A held lock does not keep the process alive; what is done under it does.
const work = setInterval(() => {}, 1_000)
const lease = await lockable.acquire(name)
await settled
await heartbeat(1)
block(3 * LEASE_MS)
const freeAgain = performance.now()
// Those that were sent meanwhile; a thread that sent none would need three intervals for them.
await heartbeat(3)
const caughtUpMs = performance.now() - freeAgain
say({ state: lease.state, thread, caughtUpInTime: caughtUpMs < HEARTBEAT_MS, token: lease.fencingToken })

for await (const _ of process.stdin);
const released = await lease.release()
say({ state: lease.state, released })
clearInterval(work)
await lockable.close()

/** Resolves when so many more heartbeats have succeeded. */
function heartbeat(count) {
  return new Promise((resolve) => {
    heartbeats.wanted = heartbeats.seen + count
    heartbeats.enough = resolve
  })
}

/** Keeps this thread from doing anything else. */
function block(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}
