import { ask } from './questions.mjs'
import { tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { callbacks, witness } from './witness.mjs'

/**
 * Blocks its main thread while it holds locks, one for each question that a lease can be asked, and asks on the very next
 * line, or after the first heartbeat that it hears of.
 */
const [url, prefix, worker, leaseDuration, stallMs, when, ...questions] = process.argv.slice(2)

tell('begun')
const told = untilTold()
const lockable = witness({ url, worker, leaseDuration: Number(leaseDuration) })
const held = []
for (const question of questions) {
  const name = `${prefix}-${question}`
  const lease = await lockable.acquire(name, callbacks(name))
  held.push({ question, lease, signal: lease.signal })
}
// From here on a worker, if there is one, is known to send them.
await heartbeats()
tell('stalling', { names: held.map(({ lease }) => lease.name) })
block(Number(stallMs))
if (when === 'heard') await heartbeats()
const answers = held.map(({ question, lease, signal }) => ask(lease, signal, question))
tell('stalled', { answers })
await told
for (const { lease } of held) {
  const released = await lease.release()
  tell('released', { name: lease.name, lease: lease.id, acknowledged: released })
}

/** Resolves when there was one for each lease. */
function heartbeats() {
  const missing = new Set(held.map(({ lease }) => lease.id))
  return new Promise((resolve) => {
    const stop = lockable.subscribe((event) => {
      if (event.type !== 'heartbeat.ok') return
      missing.delete(event.lease)
      if (missing.size > 0) return
      stop()
      resolve()
    })
  })
}

function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
