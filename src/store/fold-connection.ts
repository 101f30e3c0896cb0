import type { LockableEvent } from '../index.ts'
import type { ConnectionSnapshot } from './state.ts'

/** What is known of the connection after `event`: the same object if nothing changed. */
export function foldConnection(connection: ConnectionSnapshot, event: LockableEvent): ConnectionSnapshot {
  switch (event.type) {
    case 'dialect':
      return changed(connection, { dialect: event.dialect })
    case 'heartbeat.thread':
      return changed(connection, { thread: event.thread, threadReason: event.reason })
    case 'page.online':
    case 'page.offline':
      return changed(connection, { online: event.type === 'page.online' })
    case 'page.visible':
    case 'page.hidden':
      return changed(connection, { visible: event.type === 'page.visible' })
    case 'client.closed':
      return changed(connection, { closed: true })
    default:
      return connection
  }
}

function changed(connection: ConnectionSnapshot, change: Partial<ConnectionSnapshot>): ConnectionSnapshot {
  const keys = Object.keys(change) as (keyof ConnectionSnapshot)[]
  return keys.every((key) => connection[key] === change[key]) ? connection : Object.freeze({ ...connection, ...change })
}
