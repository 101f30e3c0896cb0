import * as v from 'valibot'
import { MAX_COMMANDS, MAX_STREAM_SESSIONS } from '../../protocol/session.ts'
import type { Json } from '../../protocol/wire.ts'
import { type Complaint, complaint, info, owner, type Schema, session, wholeNumber } from '../owned/members.ts'
import { kindOf, type LeaseRange, leaseIn } from '../owned/schemas.ts'

export interface CommandsBody {
  readonly session: string
  readonly open?: { readonly lease_ms?: number | undefined; readonly info: Json } | undefined
  readonly seq: number
  readonly confirm: readonly string[]
  /** Looked at one by one: what is wrong with one of them is no problem of the others. */
  readonly commands: readonly unknown[]
}

export interface SessionHeartbeatBody {
  readonly session: string
  readonly confirm: readonly string[]
}

export interface SessionReleaseBody {
  readonly session: string
}

export interface SessionStreamBody {
  readonly sessions: readonly { readonly session: string }[]
}

/** The bodies of requests about a session. */
export interface SessionSchemas {
  readonly commands: Schema<CommandsBody>
  readonly heartbeat: Schema<SessionHeartbeatBody>
  readonly release: Schema<SessionReleaseBody>
  readonly stream: Schema<SessionStreamBody>
}

/** The bodies of a server that grants leases in `range`. */
export function createSessionSchemas(range: LeaseRange): SessionSchemas {
  const confirm = v.optional(v.array(owner, wrongList('confirm', 'an array of owners')), [])
  return {
    commands: v.object({
      session,
      open: v.optional(v.object({ lease_ms: v.optional(leaseIn(range)), info: v.optional(info, null) })),
      seq: wholeNumber(0, Number.MAX_SAFE_INTEGER, complaint('seq', 'a whole number, larger than every one before')),
      confirm,
      commands: list('commands', v.unknown(), 0, MAX_COMMANDS),
    }),
    heartbeat: v.object({ session, confirm }),
    release: v.object({ session }),
    stream: v.object({ sessions: list('sessions', v.object({ session }), 1, MAX_STREAM_SESSIONS) }),
  }
}

function list<Item>(member: string, item: Schema<Item>, least: number, most: number): Schema<Item[]> {
  const wrong = wrongList(member, `an array of ${least} to ${most}`)
  return v.pipe(v.array(item, wrong), v.minLength(least, wrong), v.maxLength(most, wrong))
}

/** What is in a list is not shown, since secrets are. */
function wrongList(member: string, rule: string): Complaint {
  return ({ input }) => `${member} must be ${rule}; got ${kindOf(input)}.`
}
