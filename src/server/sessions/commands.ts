import * as v from 'valibot'
import { nameProblem } from '../../protocol/names.ts'
import { OWNER_PATTERN } from '../../protocol/wire.ts'
import { ProblemError, quote } from '../http/problem-error.ts'
import { complaint, ifAvailable, info, mode, owner, steal } from '../owned/members.ts'
import { readBody } from '../owned/schemas.ts'
import type { StoreCommand } from '../store.ts'

const acquire = v.object({
  name: v.unknown(),
  owner,
  mode: v.optional(mode, 'exclusive'),
  if_available: v.optional(ifAvailable, false),
  steal: v.optional(steal),
  info: v.optional(info, null),
})

const release = v.object({ name: v.unknown(), owner })

const query = v.object({ prefix: v.optional(v.string(complaint('prefix', 'a string')), '') })

/** A command as it was sent. Throws the problems `bad-name` and `bad-request` about this command alone. */
export function readCommand(command: unknown): StoreCommand {
  const { op } = readBody(v.object({ op: v.unknown() }), command, 'A command')
  switch (op) {
    case 'acquire': {
      const asked = readBody(acquire, command)
      return {
        op,
        name: checkedName(asked.name),
        owner: asked.owner,
        mode: asked.mode,
        ifAvailable: asked.if_available,
        steal: asked.steal ?? null,
        info: asked.info,
      }
    }
    case 'release': {
      const asked = readBody(release, command)
      return { op, name: checkedName(asked.name), owner: asked.owner }
    }
    case 'query':
      return { op, prefix: readBody(query, command).prefix }
    case 'sync':
      return { op }
    default:
      throw new ProblemError('bad-request', `op must be "acquire", "release", "query" or "sync"; got ${quote(op)}.`)
  }
}

/** The owner that a command is about, or `null` if it has none that could be one. */
export function ownerOf(command: unknown): string | null {
  if (typeof command !== 'object' || command === null || !('owner' in command)) return null
  return typeof command.owner === 'string' && OWNER_PATTERN.test(command.owner) ? command.owner : null
}

function checkedName(name: unknown): string {
  const problem = nameProblem(name)
  if (problem !== null) throw new ProblemError('bad-name', problem)
  return String(name)
}
