import { MAX_NAME_BYTES } from '../protocol/names.ts'
import { MAX_COMMANDS, MAX_COMMANDS_BYTES, MAX_STREAM_SESSIONS } from '../protocol/session.ts'
import {
  MAX_BODY_BYTES,
  MAX_INFO_BYTES,
  MAX_LISTED_LOCKS,
  MAX_WATCH_NAMES,
  type ServiceReply,
} from '../protocol/wire.ts'
import type { Settings } from './options.ts'
import { TICKET_MS } from './timing.ts'

/** The reply to `GET /v1`. */
export function serviceReply({ store, lease, maxWaitMs }: Settings): ServiceReply {
  const { kind, durable, linearizable, restart } = store.traits
  return {
    service: 'lockable',
    v: 2,
    features: [
      'classic',
      'owned',
      'sessions',
      'queue',
      'claims',
      'shared',
      'steal',
      'info',
      'status',
      'locks',
      'watch',
      'force-release',
    ],
    limits: {
      min_lease_ms: lease.minMs,
      max_lease_ms: lease.maxMs,
      max_wait_ms: maxWaitMs,
      ticket_ms: TICKET_MS,
      name_bytes: MAX_NAME_BYTES,
      info_bytes: MAX_INFO_BYTES,
      body_bytes: MAX_BODY_BYTES,
      commands: MAX_COMMANDS,
      commands_bytes: MAX_COMMANDS_BYTES,
      stream_sessions: MAX_STREAM_SESSIONS,
      listed_locks: MAX_LISTED_LOCKS,
      watch_names: MAX_WATCH_NAMES,
    },
    store: { kind, durable, linearizable },
    restart,
  }
}
