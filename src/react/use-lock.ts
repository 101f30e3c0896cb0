import { useCallback, useEffect, useInsertionEffect, useMemo, useState } from 'react'
import type { Lockable } from '../index.ts'
import { existingHandle, lockHandle } from './lock-handles.ts'
import type { LockSelector, UseLockOptions } from './lock-options.ts'
import { useLockClient } from './lock-provider.tsx'
import type { LockActions, UseLockResult } from './lock-result.ts'
import { IDLE, type LockView } from './lock-view.ts'
import { Participation } from './participation.ts'
import { type Source, useSelected } from './use-selected.ts'

/**
 * Holds the lock `name` while the component is mounted; `null` for no lock.
 *
 * The lock is taken in an effect and let go one macrotask after the last component that wants it has unmounted. When
 * `name` changes, the new lock is asked for before the old one is released. Heartbeats that go well render nothing.
 *
 * What guards writes is `lease.signal`, which aborts before anything renders, and `lease.fencingToken`.
 *
 * @throws Error without a client; with `throwOnError`, what `acquire()` rejected with.
 */
export function useLock<Selected>(
  name: string | null,
  options: UseLockOptions & {
    /** What to render of the result. The component renders again only when a member of that changes. */
    readonly select: LockSelector<Selected>
  },
): Selected
export function useLock(name: string | null, options?: UseLockOptions & { readonly select?: undefined }): UseLockResult
export function useLock<Selected>(
  name: string | null,
  options: UseLockOptions & { readonly select?: LockSelector<Selected> | undefined } = {},
): Selected | UseLockResult {
  const client = useLockClient(options.client)
  const [participation] = useState(makeParticipation)
  const wants = options.enabled ?? true
  const { select, throwOnError } = options

  // Before all other effects of the commit, so that these call the latest functions.
  useInsertionEffect(() => participation.update(client, name, options))
  // Not a layout effect: those are undone when a mounted tree suspends, and a spinner must not cost the lock.
  useEffect(() => {
    return name === null ? undefined : participation.join(client, name, wants)
  }, [participation, client, name, wants])

  const source = useMemo(() => sourceOf(client, name, participation.actions), [client, name, participation])
  const pick = useCallback(
    (lock: UseLockResult): Selected | UseLockResult | Escalation => {
      if (lock.status === 'failed' && isEscalated(throwOnError, lock.error)) return new Escalation(lock.error)
      return select ? select(lock) : lock
    },
    [select, throwOnError],
  )
  const selected = useSelected(source, pick)
  if (selected instanceof Escalation) throw selected.error
  return selected
}

/** In the place of a selection: what to throw. It must not depend on what `select` looks at. */
class Escalation {
  readonly error: Error

  constructor(error: Error) {
    this.error = error
  }
}

function isEscalated(throwOnError: UseLockOptions['throwOnError'], error: Error): boolean {
  return typeof throwOnError === 'function' ? throwOnError(error) : (throwOnError ?? false)
}

function makeParticipation(): Participation {
  return new Participation()
}

function sourceOf(client: Lockable, name: string | null, actions: LockActions): Source<UseLockResult> {
  const idle: UseLockResult = { ...IDLE, ...actions, name }
  let last: { readonly view: LockView; readonly result: UseLockResult } = { view: IDLE, result: idle }
  const resultOf = (view: LockView) => {
    if (view !== last.view) last = { view, result: { ...view, ...actions, name } }
    return last.result
  }
  return {
    subscribe: (listener) => (name === null ? () => {} : lockHandle(client, name).subscribe(listener)),
    read: () => resultOf(name === null ? IDLE : (existingHandle(client, name)?.view ?? IDLE)),
    readServer: () => idle,
  }
}
