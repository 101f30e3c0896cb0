import { Lockable } from 'lockable'

/** Adds to a counter by reading and writing it, in turn with whoever else does so, or not in turn. */
const [url, counterUrl, times, manner] = process.argv.slice(2)
const lockable = new Lockable({ url })

// Answered when all processes have asked, so that they compete from the first increment on.
await fetch(`${counterUrl}/start`)
for (let left = Number(times); left > 0; left -= 1) {
  if (manner === 'locked') await lockable.request('counter', (lease) => increment(lease.fencingToken))
  else await increment(null)
}
await lockable.close()

async function increment(token) {
  const value = await (await fetch(`${counterUrl}/value`)).json()
  await fetch(`${counterUrl}/value`, { method: 'PUT', body: JSON.stringify({ value: value + 1, token }) })
}
