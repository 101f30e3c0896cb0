import { useEffect } from 'react'
import { createStore } from 'zustand/vanilla'
import type { Lease } from '../src/index.ts'

/** How far the job is, over all tabs and reloads. */
export interface Progress {
  readonly records: number
  /** Who did the last step. */
  readonly by: string
}

const KEY = 'lockable-demo:sync'
/** ms between two steps. */
const STEP_MS = 400

export const progress = createStore<Progress>(read)

function read(): Progress {
  try {
    const { records, by }: Partial<Progress> = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return { records: records ?? 0, by: by ?? '' }
  } catch {
    return { records: 0, by: '' }
  }
}

addEventListener('storage', ({ key }) => {
  if (key === KEY) progress.setState(read(), true)
})

/** Runs the job while `lease` lasts. */
export function useSyncJob(lease: Lease | null, by: string): void {
  useEffect(() => {
    if (!lease) return
    const timer = setInterval(() => {
      // Asked before each step, not only when React renders: a loss counts from the moment it happens.
      if (lease.state !== 'held') return clearInterval(timer)
      const next = { records: read().records + 1, by }
      progress.setState(next, true)
      try {
        localStorage.setItem(KEY, JSON.stringify(next))
      } catch {
        // Without storage only this tab counts.
      }
    }, STEP_MS)
    return () => clearInterval(timer)
  }, [lease, by])
}
