import type { LockMode } from '../../../protocol/wire.ts'
import { isRival } from './holder.ts'
import type { Lock } from './lock.ts'

/**
 * Fixes the end of every holder that excludes `mode`, claims too: it runs out when it would have run out anyway, and is
 * not renewed. It stays fixed, even if whoever steals gives up, since the holder may have been told.
 */
export function fixEnds(lock: Lock, mode: LockMode): void {
  for (const holder of lock.holders) {
    if (isRival(holder, mode)) lock.fixEnd(holder, 'stolen')
  }
}

/** Takes the lock from every holder that excludes `mode`, though they believe in it until they hear of it. */
export function evictRivals(lock: Lock, mode: LockMode, now: number): void {
  for (const holder of lock.holders.filter((each) => isRival(each, mode))) lock.end(holder, 'stolen', now)
}
