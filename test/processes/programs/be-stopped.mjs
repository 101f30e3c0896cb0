import { ask } from './questions.mjs'
import { tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { whenStopped } from './when-stopped.mjs'
import { callbacks, witness } from './witness.mjs'

/** Holds a lock with heartbeats from a worker and one without, and asks in the first line that runs after a stop. */
const [url, prefix, leaseDuration, noticeMs] = process.argv.slice(2)

tell('begun')
const held = []
for (const worker of ['auto', 'off']) {
  const name = `${prefix}-${worker}`
  const lockable = witness({ url, worker, leaseDuration: Number(leaseDuration) })
  const lease = await lockable.acquire(name, callbacks(name))
  held.push({ lease, signal: lease.signal })
}
whenStopped(Number(noticeMs), () => {
  tell('awake', { answers: held.map(({ lease, signal }) => ask(lease, signal, 'keptSignal')) })
})
tell('ready')
await untilTold()
