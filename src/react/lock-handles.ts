import type { Lockable } from '../index.ts'
import { LockHandle } from './lock-handle.ts'

const handles = new WeakMap<Lockable, Map<string, LockHandle>>()

/** The handle of `name`, made if there is none. It goes by itself when nobody joins it. */
export function lockHandle(client: Lockable, name: string): LockHandle {
  const known = existingHandle(client, name)
  if (known !== undefined) return known
  const ofClient = handles.get(client) ?? new Map<string, LockHandle>()
  handles.set(client, ofClient)
  const handle = new LockHandle(client, name, () => ofClient.delete(name))
  ofClient.set(name, handle)
  return handle
}

/** The handle of `name`, if there is one: for rendering, where nothing may be made. */
export function existingHandle(client: Lockable, name: string): LockHandle | undefined {
  return handles.get(client)?.get(name)
}
