import { setTimeout as sleep } from 'node:timers/promises'
import { now, tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { callbacks, witness } from './witness.mjs'

/** Takes a lock, asks all the time whether it is held, and releases it when the test says so. */
const [url, name, leaseDuration] = process.argv.slice(2)
const SAMPLE_MS = 10

tell('begun')
const lockable = witness({ url, leaseDuration: Number(leaseDuration) })
const told = untilTold()
const lease = await lockable.acquire(name, callbacks(name))
const lastHeld = sample()
await told
if (lease.state === 'held') {
  tell('releasing', { name, lease: lease.id })
  tell('released', { name, lease: lease.id, acknowledged: await lease.release() })
}
tell('still', { name, lease: lease.id }, await lastHeld)

/** Resolves to the last moment at which the lease was known to be held. */
async function sample() {
  for (let last = now(); ; ) {
    const at = now()
    if (lease.state !== 'held') return last
    last = at
    await sleep(SAMPLE_MS)
  }
}
