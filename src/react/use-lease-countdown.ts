import { useMemo, useSyncExternalStore } from 'react'
import type { Lockable } from '../index.ts'
import { countdown } from './countdown.ts'
import { useLockClient } from './lock-provider.tsx'
import type { Source } from './use-selected.ts'

/** Options of `useLeaseCountdown`. */
export interface UseLeaseCountdownOptions {
  /** ms between renders. Default 1000. */
  readonly every?: number | undefined
  /** The client to use instead of that of the `LockProvider`. */
  readonly client?: Lockable | undefined
}

/**
 * How many ms the lease of `name` is certain to run, if no further heartbeat gets through: rounded up to a multiple of
 * `every`. `null` while this client does not hold the lock.
 *
 * The only hook that renders as time passes. For code, `lease.remaining()` is exact.
 *
 * @throws Error without a client.
 */
export function useLeaseCountdown(name: string | null, options: UseLeaseCountdownOptions = {}): number | null {
  const { every = 1000 } = options
  const client = useLockClient(options.client)
  const source = useMemo(() => (name === null ? NONE : countdown(client, name, every)), [client, name, every])
  return useSyncExternalStore(source.subscribe, source.read, source.readServer)
}

const NONE: Source<null> = { subscribe: () => () => {}, read: () => null, readServer: () => null }
