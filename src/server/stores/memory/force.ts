import type { EndHoldersStep, Revoked } from '../../store.ts'
import type { Lock } from './lock.ts'

/** Ends those who hold, whatever they say; `lock` is up to the present. Returns how many there were. */
export function endHolders(lock: Lock, { how }: EndHoldersStep, now: number): number {
  const { holders } = lock
  for (const holder of holders) {
    if (how === 'now') lock.end(holder, 'revoked', now)
    else lock.fixEnd(holder, 'revoked')
  }
  lock.promote(now)
  return holders.length
}

/** Fixes the end of what `subject` holds, and removes its waiters; `lock` is up to the present. */
export function revoke(lock: Lock, subject: string, now: number): Revoked {
  const holders = lock.holders.filter((holder) => holder.subject === subject)
  const waiters = [...lock.queue].filter((waiter) => waiter.subject === subject)
  for (const holder of holders) lock.fixEnd(holder, 'revoked')
  for (const waiter of waiters) lock.giveUp(waiter, 'revoked', now)
  // Who stood behind them may be next now.
  lock.promote(now)
  return { holders: holders.length, waiters: waiters.length }
}
