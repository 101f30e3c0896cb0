import { setTimeout as sleep } from 'node:timers/promises'
import { Lockable } from 'lockable'
import { now, tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'

/** Measures how long after the end of a lease its signal aborts, with a client and a lease for each measurement. */
const [url, prefix, count, leaseDuration] = process.argv.slice(2)
/** So that they do not end all at once, and wait for each other. */
const APART_MS = 10
/** ms within which the clock is read on both sides of an answer, for the answer to count. */
const QUICK_MS = 0.1

tell('begun')
const told = untilTold()
const losses = []
for (let index = 0; index < Number(count); index += 1) {
  losses.push((await holdUntilLost(`${prefix}-${index}`)).lost)
  await sleep(APART_MS)
}
tell('holding')
tell('delays', { delays: await Promise.all(losses) })
await told

async function holdUntilLost(name) {
  const lockable = new Lockable({ url, worker: 'off', leaseDuration: Number(leaseDuration) })
  const lease = await lockable.acquire(name)
  let end = endOf(lease)
  lockable.subscribe((event) => {
    if (event.type === 'heartbeat.ok') end = endOf(lease)
  })
  const lost = new Promise((resolve) => lease.signal.addEventListener('abort', () => resolve(now() - end)))
  // In an object, so that it is not waited for here.
  return { lost }
}

/** When the lease ends by the client's own clock, if nothing more is heard. */
function endOf(lease) {
  for (;;) {
    const before = now()
    const remaining = lease.remaining()
    const after = now()
    if (after - before < QUICK_MS) return (before + after) / 2 + remaining
  }
}
