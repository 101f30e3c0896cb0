import { useMemo } from 'react'
import { shallow } from 'zustand/vanilla/shallow'
import type { Lockable } from '../index.ts'
import { lockStore } from '../store/index.ts'
import { useLockClient } from './lock-provider.tsx'
import { type LockStatusResult, lockStatusResult, unknownStatus } from './lock-status-result.ts'
import { type Source, useSelected } from './use-selected.ts'
import { isWatchKnown, watchName } from './watched-names.ts'

/** Options of `useLockStatus`. */
export interface UseLockStatusOptions {
  /** The client to use instead of that of the `LockProvider`. */
  readonly client?: Lockable | undefined
}

/**
 * Watches who holds the lock `name`, and never takes it; `null` to watch none.
 *
 * The server is asked while any component watches. Needs an owned server to see the locks of others.
 *
 * @throws Error without a client; InvalidArgumentError, to an error boundary, for a name that no lock can have.
 */
export function useLockStatus<Selected>(
  name: string | null,
  options: UseLockStatusOptions & {
    /** What to render of the result. The component renders again only when a member of that changes. */
    readonly select: (status: LockStatusResult) => Selected
  },
): Selected
export function useLockStatus(
  name: string | null,
  options?: UseLockStatusOptions & { readonly select?: undefined },
): LockStatusResult
export function useLockStatus<Selected>(
  name: string | null,
  options: UseLockStatusOptions & { readonly select?: ((status: LockStatusResult) => Selected) | undefined } = {},
): Selected | LockStatusResult {
  const client = useLockClient(options.client)
  const source = useMemo(() => sourceOf(client, name), [client, name])
  return useSelected<LockStatusResult, Selected | LockStatusResult>(source, options.select ?? itself)
}

function itself(status: LockStatusResult): LockStatusResult {
  return status
}

function sourceOf(client: Lockable, name: string | null): Source<LockStatusResult> {
  const unknown = unknownStatus(name)
  if (name === null) return { subscribe: () => () => {}, read: () => unknown, readServer: () => unknown }
  let last = unknown
  return {
    subscribe: (listener) => {
      const stopFollowing = lockStore(client).subscribe(listener)
      const stopWatching = watchName(client, name, listener)
      return () => {
        stopFollowing()
        stopWatching()
      }
    },
    read: () => {
      const next = lockStatusResult(lockStore(client).getState(), name, isWatchKnown(client, name), last)
      if (!shallow(last, next)) last = next
      return last
    },
    readServer: () => unknown,
  }
}
