import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../processes/shared-clock.ts'

/** No longer than that of the clients, after which a server that forgets waits. */
const LEASE_MS = 1_000
const ANSWER_MS = 1_000
const RETRY_MS = 10
/** ms within which somebody must be granted a lock that nobody else wants, whatever has happened. */
const BOUND_MS = 30_000

/** Resolves to the ms until this server grants a lock that nobody else wants; `null` if that takes too long. */
export async function timeToGrant(url: string): Promise<number | null> {
  const begun = now()
  const name = `probe-${randomBytes(6).toString('hex')}`
  while (now() - begun < BOUND_MS) {
    // A new one each time: an owner whose answer was lost may hold it, so the name is another as well.
    const owner = randomBytes(16).toString('base64url')
    const own = `${name}-${owner}`
    const reply = await ask(url, 'acquire', own, { owner, lease_ms: LEASE_MS })
    if (reply?.response === true) {
      const ms = now() - begun
      await ask(url, 'release', own, { owner })
      return ms
    }
    await sleep(RETRY_MS)
  }
  return null
}

async function ask(url: string, operation: string, name: string, body: object): Promise<{ response?: boolean } | null> {
  try {
    const response = await fetch(`${url}/v1/${operation}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return (await response.json()) as { response?: boolean }
  } catch {
    return null
  }
}
