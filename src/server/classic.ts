import type { Classic } from './dialects.ts'
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
    async acquire(lock) {
      if (isClosing()) return false
      const outcome = await store.acquire({
        ...lock,
        owner: null,
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
    async heartbeat(lock) {
      const [outcome] = await store.renew([{ ...lock, owner: null, leaseMs: null }])
      return outcome?.kind === 'renewed' && outcome.ending === null
    },
    async release(lock) {
      const outcome = await store.release({ ...lock, owner: null })
      return outcome.kind === 'released'
    },
  }
}
