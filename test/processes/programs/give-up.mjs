import { tell } from './tale.mjs'
import { untilTold } from './until-told.mjs'
import { callbacks, witness } from './witness.mjs'

/** Asks for a lock, and no longer wants it when the test says so. */
const [url, name, leaseDuration] = process.argv.slice(2)

tell('begun')
const lockable = witness({ url, leaseDuration: Number(leaseDuration) })
const wanted = new AbortController()
const reason = new Error('not wanted any more')
void untilTold().then(() => wanted.abort(reason))
try {
  const lease = await lockable.acquire(name, { ...callbacks(name), signal: wanted.signal })
  tell('acquired', { name, lease: lease.id })
} catch (error) {
  tell('rejected', { name, withReason: error === reason })
}
