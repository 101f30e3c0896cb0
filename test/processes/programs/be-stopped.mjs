import { ask } from './questions.mjs'
import { now, tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { callbacks, witness } from './witness.mjs'

/** Holds a lock with heartbeats from a worker and one without, and asks in the first line that runs after a stop. */
const [url, prefix, leaseDuration, noticeMs] = process.argv.slice(2)
const TICK_MS = 5

tell('begun')
const held = []
for (const worker of ['auto', 'off']) {
  const name = `${prefix}-${worker}`
  const lockable = witness({ url, worker, leaseDuration: Number(leaseDuration) })
  const lease = await lockable.acquire(name, callbacks(name))
  held.push({ lease, signal: lease.signal })
}
let last = now()
// It is due before any timer of the library that the stop makes late.
const clock = setInterval(() => {
  const at = now()
  const stood = at - last > Number(noticeMs)
  last = at
  if (!stood) return
  clearInterval(clock)
  tell('awake', { answers: held.map(({ lease, signal }) => ask(lease, signal, 'keptSignal')) })
}, TICK_MS)
tell('ready')
await untilTold()
