import type { RenewOutcome, RenewStep } from '../../store.ts'
import { asRenewed, extend } from './holder.ts'
import type { Lock } from './lock.ts'
import type { Space } from './space.ts'

/** Renews a lease and confirms a claim; `lock` is up to the present. */
export function renew(space: Space, lock: Lock, step: RenewStep, now: number): RenewOutcome {
  const { owner } = step
  const holder = lock.holder(owner)
  if (holder === null) {
    const spent = owner === null ? null : space.tombstones.find(lock.name, owner, now)
    return { kind: 'ended', reason: spent ?? 'unknown' }
  }
  holder.claim = false
  if (holder.ending !== null) {
    const head = lock.queue.head
    return asRenewed(holder, head && { info: head.info }, now)
  }
  const leaseMs = step.leaseMs ?? holder.leaseMs
  space.tombstones.keepFor(leaseMs)
  extend(holder, leaseMs, now)
  return asRenewed(holder, null, now)
}
