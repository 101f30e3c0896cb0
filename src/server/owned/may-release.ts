import type { Access } from '../auth/access.ts'
import type { LockStore, OwnerRef } from '../store.ts'

/**
 * Whether `ref` may be released by who has this access. With credentials that have lapsed only what was acquired or asked
 * for may be: a release of an owner that never was leaves a tombstone, and whoever has old credentials could push out
 * those of others by made-up ones. What is still on its way cannot be acquired by such credentials anyway.
 */
export async function mayRelease(store: LockStore, ref: OwnerRef, access: Access): Promise<boolean> {
  return access.lapse === null || (await store.attend({ ...ref, attachMs: 0 })).kind !== 'gone'
}
