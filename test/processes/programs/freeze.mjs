import { readSync } from 'node:fs'
import { ask } from './questions.mjs'
import { tell } from './tale.mjs'
import { whenStopped } from './when-stopped.mjs'
import { callbacks, witness } from './witness.mjs'

/**
 * Holds a lock with heartbeats from a worker and is stopped, for less than its lease. After that it hears of a heartbeat,
 * and then its main thread stands still until the test says so.
 */
const [url, name, leaseDuration, heartbeatInterval, noticeMs] = process.argv.slice(2)

tell('begun')
// A held lock does not keep a process alive.
const alive = setInterval(() => {}, 1_000)
const lockable = witness({ url, leaseDuration: Number(leaseDuration), heartbeatInterval: Number(heartbeatInterval) })
const lease = await lockable.acquire(name, callbacks(name))
await heartbeat()
const awake = new Promise((resolve) => whenStopped(Number(noticeMs), resolve))
tell('ready')
await awake
tell('awake', { answers: [ask(lease)] })
await heartbeat()
tell('blocking')
// The test ends the input, and writes nothing.
readSync(0, Buffer.alloc(1))
await heartbeat()
tell('stalled', { answers: [ask(lease)] })
if (lease.state === 'held') {
  tell('releasing', { name, lease: lease.id })
  tell('released', { name, lease: lease.id, acknowledged: await lease.release() })
}
clearInterval(alive)

/** Resolves with the next one, or when there will be none. */
function heartbeat() {
  return new Promise((resolve) => {
    const stop = lockable.subscribe((event) => {
      if (event.type !== 'heartbeat.ok' && event.type !== 'lost') return
      stop()
      resolve()
    })
  })
}
