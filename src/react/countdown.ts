import type { Lockable } from '../index.ts'
import { heldUnder, lockStore } from '../store/index.ts'
import type { Source } from './use-selected.ts'

/**
 * How long the lease of `name` still runs, in steps of `every` ms, rounded up; `null` while `client` does not hold it.
 * Its timer runs only while somebody looks and the lock is held.
 */
export function countdown(client: Lockable, name: string, every: number): Source<number | null> {
  const listeners = new Set<() => void>()
  let value: number | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop = () => {}

  const update = () => {
    clearTimeout(timer)
    const left = remainingOf(client, name)
    // The loss is told in a moment: the signal aborts before anything is rendered.
    if (left === 0) return
    const steps = left === null ? null : Math.ceil(left / every)
    // Due when the next step is reached, not a step from now, so that late timers do not add up.
    if (left !== null && steps !== null) timer = setTimeout(update, left - (steps - 1) * every)
    const before = value
    value = steps === null ? null : steps * every
    if (value !== before) for (const listener of [...listeners]) listener()
  }

  const start = () => {
    update()
    return client.subscribe((event) => {
      if (!('lease' in event) || event.name !== name) return
      // The lease of a grant is there only when `acquire()` has resolved.
      clearTimeout(timer)
      timer = setTimeout(update, 0)
    })
  }

  return {
    subscribe: (listener) => {
      listeners.add(listener)
      if (listeners.size === 1) stop = start()
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        stop()
        clearTimeout(timer)
      }
    },
    read: () => value,
    readServer: () => null,
  }
}

/** The longest if the client holds several shared leases of that name; 0 if it is over and that is not told yet. */
function remainingOf(client: Lockable, name: string): number | null {
  const held = heldUnder(lockStore(client).getState(), name)
  return held.length === 0 ? null : Math.max(...held.map(({ id }) => client.find(id)?.peek() ?? 0))
}
