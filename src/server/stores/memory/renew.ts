import type { RenewOutcome, RenewStep } from '../../store.ts'
import { asRenewed } from './holder.ts'
import type { Lock } from './lock.ts'
import type { Space } from './space.ts'

/** Renews a lease and confirms a claim; `lock` is up to the present. */
export function renew(space: Space, lock: Lock, step: RenewStep, now: number): RenewOutcome {
  const { owner } = step
  const holder = lock.holder(owner)
  if (holder === null) {
    const spent = owner === null ? null : space.spent(lock.name, owner, now)
    return { kind: 'ended', reason: spent ?? 'unknown' }
  }
  const successor = holder.ending === null ? null : lock.successor(now)
  // It lives as long as its session, which alone renews and confirms it.
  if (holder.session !== null) return asRenewed(holder, successor, now)
  const leaseMs = step.leaseMs ?? holder.leaseMs
  if (holder.ending === null) lock.extend(holder, leaseMs, now)
  holder.claim = false
  return asRenewed(holder, successor, now)
}
