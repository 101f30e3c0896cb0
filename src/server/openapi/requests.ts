import * as v from 'valibot'
import { MAX_NAME_BYTES } from '../../protocol/names.ts'
import { forceReleaseBody } from '../locks.ts'
import type { Schema } from '../owned/members.ts'
import { createSchemas, type LeaseRange } from '../owned/schemas.ts'
import { COMMAND_SCHEMAS } from '../sessions/commands.ts'
import { createSessionSchemas } from '../sessions/schemas.ts'

/** The names that the document has for the bodies of requests. */
export type RequestName =
  | 'AcquireRequest'
  | 'HeartbeatRequest'
  | 'ReleaseRequest'
  | 'ForceReleaseRequest'
  | 'CommandsRequest'
  | 'SessionHeartbeatRequest'
  | 'SessionReleaseRequest'
  | 'SessionStreamRequest'

/** The schemas that bodies are validated by, with what is looked at by hand filled in. */
export interface RequestSchemas {
  readonly bodies: Readonly<Record<RequestName, Schema<unknown>>>
  /** What `CommandsRequest` has in `commands`, which are validated one by one. */
  readonly command: Schema<unknown>
}

/** As {@link RequestSchemas} for a server that grants leases in `range`. */
export function requestSchemas(range: LeaseRange): RequestSchemas {
  const owned = createSchemas(range)
  const sessions = createSessionSchemas(range)
  return {
    bodies: {
      AcquireRequest: owned.acquire,
      HeartbeatRequest: owned.heartbeat,
      ReleaseRequest: owned.release,
      ForceReleaseRequest: forceReleaseBody,
      CommandsRequest: sessions.commands,
      SessionHeartbeatRequest: sessions.heartbeat,
      SessionReleaseRequest: sessions.release,
      SessionStreamRequest: sessions.stream,
    },
    command: v.union([
      v.intersect([named('acquire'), COMMAND_SCHEMAS.acquire]),
      v.intersect([named('release'), COMMAND_SCHEMAS.release]),
      v.intersect([v.object({ op: v.literal('query') }), COMMAND_SCHEMAS.query]),
      v.object({ op: v.literal('sync') }),
    ]),
  }
}

function named(op: 'acquire' | 'release'): Schema<object> {
  return v.object({
    op: v.literal(op),
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME_BYTES)),
  })
}
