import * as v from 'valibot'
import { nameProblem } from '../protocol/names.ts'
import {
  type ForceReleaseReply,
  type ForceReleaseRequest,
  type LocksReply,
  MAX_LISTED_LOCKS,
  MAX_WATCH_NAMES,
  type WatchEvent,
} from '../protocol/wire.ts'
import type { Access } from './auth/access.ts'
import { ProblemError, quote } from './http/problem-error.ts'
import type { Query } from './http/query.ts'
import { complaint, type Schema } from './owned/members.ts'
import { readBody } from './owned/schemas.ts'
import { lockStatus } from './status.ts'
import type { LockRef, LockStore } from './store.ts'
import { Hints } from './watch/hints.ts'
import { lockKey, watchLocks } from './watch/locks.ts'
import type { RoundsContext, StreamEnd, Tell } from './watch/rounds.ts'

export interface LocksContext extends RoundsContext {
  readonly store: LockStore
}

/**
 * Requests about locks of anybody, with their parsed parameters and bodies and without HTTP. All of them throw the
 * problems `bad-request` and `forbidden`.
 */
export interface Locks {
  /** `GET /v1/locks` */
  list(access: Access, query: Query): Promise<LocksReply>
  /**
   * `GET /v1/watch`. Resolves when it ends; rejects before anything is told if something is wrong. Throws `bad-name`.
   *
   * @param accessNow what who reads may do: asked again and again.
   */
  watch(accessNow: () => Promise<Access>, query: Query, tell: Tell<WatchEvent>, signal: AbortSignal): Promise<StreamEnd>
  /** `POST /v1/force-release/{name}` */
  forceRelease(access: Access, lock: LockRef, body: unknown): Promise<ForceReleaseReply>
}

/** How many locks are on a page if nobody says. */
export const DEFAULT_LIMIT = 100

export const forceReleaseBody: Schema<Readonly<Required<ForceReleaseRequest>>> = v.object({
  now: v.optional(v.boolean(complaint('now', 'true or false')), false),
})

/** Looking at many locks, and ending what others hold. */
export function createLocks(context: LocksContext): Locks {
  const { store } = context
  const hints = new Hints(store, lockKey)
  return {
    async list(access, query) {
      const prefix = query.one('prefix') ?? ''
      access.checkPrefix('inspect', prefix)
      const step = { namespace: access.namespace, prefix, after: query.one('cursor') ?? null, limit: limitIn(query) }
      const { locks, next } = await store.list(step)
      return { v: 2, locks: locks.map((lock) => ({ name: lock.name, ...lockStatus(lock) })), cursor: next }
    },
    async watch(accessNow, query, tell, signal) {
      const names = namesIn(query)
      const check = async () => {
        const access = await accessNow()
        for (const name of names) access.check('watch', name)
        return access
      }
      const { namespace } = await check()
      return watchLocks({ ...context, hints, check }, namespace, names, tell, signal)
    },
    async forceRelease(access, { namespace, name }, body) {
      access.check('admin', name)
      const { now } = readBody(forceReleaseBody, body)
      return { v: 2, holders: await store.endHolders({ namespace, name, how: now ? 'now' : 'ending' }) }
    },
  }
}

function limitIn(query: Query): number {
  const given = query.one('limit') ?? String(DEFAULT_LIMIT)
  const limit = Number(given)
  if (/^\d{1,9}$/.test(given) && limit >= 1 && limit <= MAX_LISTED_LOCKS) return limit
  throw new ProblemError(
    'bad-request',
    `limit must be a whole number from 1 to ${MAX_LISTED_LOCKS}; got ${quote(given)}.`,
  )
}

function namesIn(query: Query): readonly string[] {
  const names = [...new Set(query.all('name'))]
  if (names.length < 1 || names.length > MAX_WATCH_NAMES) {
    throw new ProblemError(
      'bad-request',
      `There must be 1 to ${MAX_WATCH_NAMES} names, each as name=; got ${names.length}.`,
    )
  }
  for (const name of names) {
    const problem = nameProblem(name)
    if (problem !== null) throw new ProblemError('bad-name', problem)
  }
  return names
}
