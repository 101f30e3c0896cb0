import { setTimeout as sleep } from 'node:timers/promises'
import { now, tell, tellInto } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { callbacks, witness } from './witness.mjs'

/** Takes one of several locks again and again, and writes to the resource behind it while it believes in it. */
const [url, resourceUrl, log, leaseDuration, ...names] = process.argv.slice(2)
const PATIENCE_MS = { least: 300, most: 2_000 }
const STEPS = { least: 2, most: 12 }
const STEP_MS = { least: 5, most: 30 }

tell('begun')
tellInto(log)
tell('begun')
const over = new AbortController()
void untilTold().then(() => over.abort())
const lockable = witness({ url, leaseDuration: Number(leaseDuration) })
while (!over.signal.aborted) {
  const lease = await acquire(names[Math.floor(Math.random() * names.length)])
  if (lease !== null) await work(lease)
}
await lockable.close()
tell('ended')

async function acquire(name) {
  try {
    return await lockable.acquire(name, { ...callbacks(name), timeout: between(PATIENCE_MS), signal: over.signal })
  } catch (error) {
    tell('gave up', { name, code: error.code ?? error.name })
    return null
  }
}

async function work(lease) {
  const { name, id } = lease
  for (let steps = between(STEPS); steps > 0; steps -= 1) {
    const at = now()
    if (lease.state !== 'held') break
    tell('still', { name, lease: id }, at)
    await write(lease)
    await sleep(between(STEP_MS))
  }
  // As a write that was already on its way: only its fencing token can stop it.
  if (lease.state !== 'held') return write(lease)
  tell('releasing', { name, lease: id })
  await lease.release().catch((error) => tell('not released', { name, code: error.code }))
}

/** Who is refused because of a newer fencing token must know on the next line that its own is over. */
async function write(lease) {
  const { name, id, fencingToken: token } = lease
  const response = await fetch(`${resourceUrl}/${name}`, {
    method: 'PUT',
    body: JSON.stringify({ token, who: process.pid }),
  })
  const { accepted } = await response.json()
  if (!accepted && lease.state === 'held') tell('contradiction', { name, lease: id })
}

function between({ least, most }) {
  return Math.round(least + Math.random() * (most - least))
}
