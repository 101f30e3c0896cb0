import { Lockable } from 'lockable'
import { say } from './say.mjs'
import { HEARTBEAT_MS, stayBusy } from './stay-busy.mjs'

const [url, name] = process.argv.slice(2)
const LEASE_MS = 1_500
const lockable = new Lockable({ url, leaseDuration: LEASE_MS, heartbeatInterval: HEARTBEAT_MS })

// A held lock does not keep the process alive; what is done under it does.
const work = setInterval(() => {}, 1_000)
const lease = await lockable.acquire(name)
const { thread, caughtUpInTime } = await stayBusy(lockable, 3 * LEASE_MS)
say({ state: lease.state, thread, caughtUpInTime, token: lease.fencingToken })

for await (const _ of process.stdin);
const released = await lease.release()
say({ state: lease.state, released })
clearInterval(work)
await lockable.close()
