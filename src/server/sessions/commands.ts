import * as v from 'valibot'
import { nameProblem } from '../../protocol/names.ts'
import { OWNER_PATTERN } from '../../protocol/wire.ts'
import type { Access } from '../auth/access.ts'
import { ProblemError, quote } from '../http/problem-error.ts'
import { complaint, ifAvailable, info, mode, owner, type Schema, steal } from '../owned/members.ts'
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

/** What commands must look like, their `op` and `name` aside, which are looked at by themselves. */
export const COMMAND_SCHEMAS: Readonly<Record<'acquire' | 'release' | 'query', Schema<object>>> = {
  acquire,
  release,
  query,
}

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

/** Whether a command, as it was sent, is for something that one does not have yet. */
export function isAsking(command: unknown): boolean {
  const { op } = Object(command)
  return op === 'acquire' || op === 'query'
}

/** Throws the problem `forbidden` if `access` does not allow it. What is released, or listed by `sync`, is one's own. */
export function checkCommand(access: Access, command: StoreCommand): void {
  if (command.op === 'query') access.checkPrefix('inspect', command.prefix)
  if (command.op !== 'acquire') return
  access.check('lock', command.name)
  if (command.steal !== null) access.check('steal', command.name)
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
