import { boundLease } from './auth/access.ts'
import { principalOf } from './auth/principal.ts'
import type { Owned } from './dialects.ts'
import { type AcquireContext, acquireOwned } from './owned/acquire.ts'
import { conceal } from './owned/conceal.ts'
import { mayRelease } from './owned/may-release.ts'
import { heartbeatReply, releaseReply } from './owned/replies.ts'
import { createSchemas, type LeaseRange, readBody } from './owned/schemas.ts'

export interface OwnedContext extends AcquireContext {
  readonly lease: LeaseRange & { readonly defaultMs: number }
  /** The longest time for which a request is parked, in ms. */
  readonly maxWaitMs: number
}

/** The dialect with owners: whoever presents the owner is the holder. */
export function createOwned(context: OwnedContext): Owned {
  const { store, lease, maxWaitMs } = context
  const schemas = createSchemas(lease)
  return {
    async acquire(lock, body, access, signal) {
      access.check('lock', lock.name)
      const asked = readBody(schemas.acquire, body)
      if (asked.steal !== undefined) access.check('steal', lock.name)
      const step = {
        namespace: lock.namespace,
        name: lock.name,
        owner: asked.owner,
        principal: principalOf(access),
        leaseMs: boundLease(asked.lease_ms ?? lease.defaultMs, access),
        waitMs: Math.min(asked.wait_ms, maxWaitMs),
        mode: asked.mode,
        ifAvailable: asked.if_available,
        steal: asked.steal ?? null,
        info: asked.info,
      }
      return conceal(await acquireOwned(context, step, signal), access, lock.name)
    },
    async heartbeat(lock, body, access) {
      const asked = readBody(schemas.heartbeat, body)
      const leaseMs = asked.lease_ms === undefined ? null : boundLease(asked.lease_ms, access)
      const [outcome] = await store.renew([{ ...lock, owner: asked.owner, leaseMs }])
      return heartbeatReply(outcome ?? { kind: 'ended', reason: 'unknown' })
    },
    async release(lock, body, access) {
      const asked = readBody(schemas.release, body)
      const ref = { ...lock, owner: asked.owner }
      if (!(await mayRelease(store, ref, access))) return releaseReply({ kind: 'ended', reason: 'unknown' })
      return releaseReply(await store.release(ref))
    },
  }
}
