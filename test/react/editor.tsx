import type { ReactElement } from 'react'
import { type UseLockOptions, type UseLockResult, useLock } from '../../src/react/index.ts'

/** Sees what a component renders. */
export class Probe {
  #lock: UseLockResult | null = null
  /** How often the component rendered. */
  renders = 0
  /** The statuses that it went through. */
  readonly statuses: UseLockResult['status'][] = []

  see(lock: UseLockResult): void {
    this.#lock = lock
    this.renders += 1
    if (this.statuses.at(-1) !== lock.status) this.statuses.push(lock.status)
  }

  /** The latest result. */
  get lock(): UseLockResult {
    if (this.#lock === null) throw new Error('Nothing has rendered yet.')
    return this.#lock
  }
}

export interface EditorProps extends UseLockOptions {
  readonly name: string | null
  readonly probe?: Probe
  readonly label?: string
}

/** Shows the status of its lock, and the rest to `probe`. */
export function Editor({ name, probe, label = 'editor', ...options }: EditorProps): ReactElement {
  const lock = useLock(name, options)
  probe?.see(lock)
  return <output aria-label={label}>{lock.status}</output>
}
