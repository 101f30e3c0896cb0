import { Lockable } from 'lockable'
import { ask } from './questions.mjs'
import { now, tell } from './tale.mjs'

/** A client that tells all that it believes, and when it stops to. */
export function witness(options) {
  const lockable = new Lockable(options)
  lockable.subscribe((event) => {
    const { name, lease: id } = event
    if (event.type === 'granted') granted(lockable, event)
    else if (event.type === 'acquire.waiting') tell('waiting', { name })
    else if (event.type === 'heartbeat.ok') tell('renewed', { name, lease: id, until: certainEnd(lockable, event) })
    else if (event.type === 'health') tell('health', { name, lease: id, health: event.health })
    else if (event.type === 'lost') tell('lost', { name, lease: id, cause: event.loss.cause })
    else if (event.type === 'heartbeat.thread') tell('thread', { thread: event.thread })
  })
  return lockable
}

/** The callbacks of a lock, which tell that they were called. */
export function callbacks(name) {
  return {
    onLockLoss: (loss) => tell('onLockLoss', { name, cause: loss.cause, sentence: loss.sentence }),
    onHeartbeatException: (error) => tell('onHeartbeatException', { name, message: error.message }),
  }
}

function granted(lockable, event) {
  const { name, lease: id, fencingToken: token, mode } = event
  const lease = lockable.find(event.lock)?.lease
  const at = now()
  tell('granted', { name, lease: id, mode, token, until: certainEnd(lockable, event) }, at)
  if (!lease) return tell('too late', { name, lease: id })
  lease.signal.addEventListener('abort', () => {
    const abortedAt = now()
    tell('aborted', { name, lease: id, answers: ask(lease) }, abortedAt)
  })
}

/**
 * When the belief in a lease ends if nothing more is heard, and not a moment later: should this process be stopped
 * between two lines, then it was sooner.
 */
function certainEnd(lockable, event) {
  const at = now()
  return at + (lockable.find(event.lock)?.lease?.remaining() ?? 0)
}
