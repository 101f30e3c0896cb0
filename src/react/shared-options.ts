import type { LockOptions } from '../index.ts'
import type { SharedLockOptions } from './lock-options.ts'

/** The options that a `Lock` is made with. */
export type MadeWith = Pick<LockOptions, 'blocking' | 'info' | 'mode' | 'leaseDuration' | 'maxHold' | 'stallTimeout'>

/** What of `options` a `Lock` is made with; those left out or `undefined` are not in it. */
export function madeWith(options: SharedLockOptions): MadeWith {
  const { blocking, info, mode, leaseDuration, maxHold, stallTimeout } = options
  return {
    ...(blocking === undefined ? {} : { blocking }),
    ...(info === undefined ? {} : { info }),
    ...(mode === undefined ? {} : { mode }),
    ...(leaseDuration === undefined ? {} : { leaseDuration }),
    ...(maxHold === undefined ? {} : { maxHold }),
    ...(stallTimeout === undefined ? {} : { stallTimeout }),
  }
}

/** Whether a `Lock` made with `a` does for `b`. */
export function isMadeAlike(a: MadeWith, b: MadeWith): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** The options that components which share a lock should agree in. */
const SHARED: readonly (keyof SharedLockOptions)[] = [
  'blocking',
  'info',
  'mode',
  'leaseDuration',
  'maxHold',
  'stallTimeout',
  'autoReacquire',
]

/** The shared options in which `a` and `b` differ. */
export function differences(a: SharedLockOptions, b: SharedLockOptions): readonly string[] {
  return SHARED.filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
}
