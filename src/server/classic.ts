import type { Access } from './auth/access.ts'
import { principalOf } from './auth/principal.ts'
import type { Classic } from './dialects.ts'
import { ProblemError } from './http/problem-error.ts'
import { acquireProblem } from './owned/replies.ts'
import type { LockStore } from './store.ts'

export interface ClassicContext {
  readonly store: LockStore
  readonly leaseMs: number
  /** Whether the server goes away and must not grant any more. */
  readonly isClosing: () => boolean
}

/**
 * The dialect without owners: whoever knows the name of a classic lock can renew and release it. It cannot tell that
 * the end of a lease is fixed, so a heartbeat under a safe steal is answered `false`: the client stops early, which is
 * the safe side.
 */
export function createClassic({ store, leaseMs, isClosing }: ClassicContext): Classic {
  return {
    async acquire(lock, access) {
      access.check('lock', lock.name)
      checkBounds(access, leaseMs)
      if (isClosing()) return false
      const outcome = await store.acquire({
        ...lock,
        owner: null,
        principal: principalOf(access),
        leaseMs,
        waitMs: 0,
        mode: 'exclusive',
        ifAvailable: true,
        steal: null,
        info: null,
      })
      if (outcome.kind === 'full') throw acquireProblem(outcome)
      return outcome.kind === 'granted'
    },
    async heartbeat(lock, access) {
      access.check('lock', lock.name)
      const [outcome] = await store.renew([{ ...lock, owner: null, leaseMs: null }])
      return outcome?.kind === 'renewed' && outcome.ending === null
    },
    async release(lock, access) {
      access.check('lock', lock.name)
      const outcome = await store.release({ ...lock, owner: null })
      return outcome.kind === 'released'
    },
  }
}

/** Classic clients take the lease for granted, whatever the server grants. */
function checkBounds({ maxLeaseMs, maxHoldMs }: Access, leaseMs: number): void {
  const mostMs = Math.min(maxLeaseMs ?? leaseMs, maxHoldMs ?? leaseMs)
  if (mostMs >= leaseMs) return
  throw new ProblemError(
    'forbidden',
    `A classic lease is ${leaseMs} ms and this token may have ${mostMs}: ask by POST, which says what was granted.`,
  )
}
