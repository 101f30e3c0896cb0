import type { Principal } from '../store.ts'
import type { Access } from './access.ts'

/** As whom a store shall know who has this access. */
export function principalOf({ subject, maxHoldMs, quota: { locks, waiters } }: Access): Principal {
  return { subject, maxHoldMs, quota: { locks, waiters } }
}
