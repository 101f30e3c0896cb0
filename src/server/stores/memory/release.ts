import type { OwnerRef, ReleaseOutcome } from '../../store.ts'
import type { Lock } from './lock.ts'
import type { Space } from './space.ts'

/** Ends a lease or a wait and hands over to who is next; `lock` is up to the present. */
export function release(space: Space, lock: Lock, { owner }: OwnerRef, now: number): ReleaseOutcome {
  const holder = lock.holder(owner)
  if (holder !== null) {
    lock.end(holder, 'released', now)
    lock.promote(now)
    return { kind: 'released' }
  }
  return owner === null ? { kind: 'ended', reason: 'unknown' } : giveUp(space, lock, owner, now)
}

function giveUp(space: Space, lock: Lock, owner: string, now: number): ReleaseOutcome {
  const waiter = lock.queue.find(owner)
  if (waiter !== null) {
    lock.giveUp(waiter, 'released', now)
    lock.promote(now)
    return { kind: 'released' }
  }
  const spent = space.spent(lock.name, owner, now)
  space.unreleased.release(lock.name, owner)
  if (spent === 'released') return { kind: 'released' }
  // An acquire of this owner may still be on its way, and must not take the lock for nobody.
  if (spent === null) space.tombstones.add(lock.name, owner, 'unknown', now)
  return { kind: 'ended', reason: spent ?? 'unknown' }
}
