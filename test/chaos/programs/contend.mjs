import { setTimeout as sleep } from 'node:timers/promises'
import { now, tell, tellInto } from '../../processes/programs/tale.mjs'
import { untilTold } from '../../processes/programs/until-told.mjs'
import { callbacks, witness } from '../../processes/programs/witness.mjs'
import { SingleClient } from './single-client.mjs'

/**
 * Takes one of several locks again and again, exclusive and shared, and writes to or reads from the resource behind it
 * while it believes in it.
 */
const { url, resourceUrl, log, leaseMs, names, epochMs, lanes, kind, overstays } = JSON.parse(process.argv[2])
const PATIENCE_MS = { least: 0.3 * leaseMs, most: 3 * leaseMs }
/** Most holds are short; a long one is renewed, and outlives a restart of its server. */
const STEPS = { least: 2, most: 12 }
const LONG_STEPS = { least: 30, most: 90 }
const LONG_PART = 0.2
const STEP_MS = { least: 5, most: 30 }
const SHARED_PART = 0.3
/** How long a client that is broken on purpose goes on after its lease. */
const OVERSTAY_STEPS = 100

tellInto(log)
tell('begun')
const over = new AbortController()
void untilTold().then(() => over.abort())
const client = kind === 'single' ? new SingleClient(url, leaseMs) : witness({ url, leaseDuration: leaseMs })
await Promise.all(Array.from({ length: lanes }, contend))
await client.close()
tell('ended')

async function contend() {
  while (!over.signal.aborted) {
    const lease = await acquire(nameNow(), Math.random() < SHARED_PART ? 'shared' : 'exclusive')
    if (lease !== null) await work(lease)
  }
}

/** A name is used for a while only, so that what happened to it can be searched as a whole. */
function nameNow() {
  return `${names[Math.floor(Math.random() * names.length)]}-${Math.floor(now() / epochMs)}`
}

async function acquire(name, mode) {
  const askedAt = now()
  try {
    const options = { ...callbacks(name), mode, timeout: between(PATIENCE_MS), signal: over.signal }
    const lease = await client.acquire(name, options)
    tell('asked', { name, lease: lease.id }, askedAt)
    return Object.assign(lease, { isShared: mode === 'shared' })
  } catch (error) {
    tell('gave up', { name, code: error.code ?? error.name })
    return null
  }
}

async function work(lease) {
  const { name, id } = lease
  for (let steps = between(Math.random() < LONG_PART ? LONG_STEPS : STEPS); steps > 0; steps -= 1) {
    const at = now()
    if (lease.state !== 'held') break
    tell('still', { name, lease: id }, at)
    await touch(lease)
    await sleep(between(STEP_MS))
  }
  if (overstays && lease.state !== 'held') await overstay(lease)
  // As a write that was already on its way: only its fencing token can stop it.
  if (lease.state !== 'held') return touch(lease)
  tell('releasing', { name, lease: id })
  const acknowledged = await lease.release().catch((error) => tell('not released', { name, code: error.code }))
  tell('released', { name, lease: id, acknowledged: acknowledged === true })
}

async function overstay({ name, id }) {
  for (let steps = OVERSTAY_STEPS; steps > 0; steps -= 1) {
    tell('still', { name, lease: id })
    await sleep(between(STEP_MS))
  }
}

/** Who is refused because of a newer fencing token must know on the next line that its own is over. */
async function touch(lease) {
  const { name, id, fencingToken: token, isShared } = lease
  const response = await fetch(`${resourceUrl}/${name}`, {
    method: 'PUT',
    body: JSON.stringify({ token, who: process.pid, only: isShared ? 'read' : 'write' }),
  })
  const { accepted } = await response.json()
  if (!accepted && lease.state === 'held') tell('contradiction', { name, lease: id })
}

function between({ least, most }) {
  return Math.round(least + Math.random() * (most - least))
}
