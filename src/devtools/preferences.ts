import type { DevtoolsTheme } from './types.ts'

/** What the panel remembers over reloads, for this origin. */
export interface Preferences {
  readonly theme?: DevtoolsTheme
  /** px, along the axis in which the panel can be resized. */
  readonly size?: number
}

const KEY = 'lock-devtools'

/** What was remembered; nothing where there is no storage, as in a sandboxed frame, where touching it throws. */
export function readPreferences(): Preferences {
  try {
    const { theme, size }: Record<string, unknown> = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return {
      ...(theme === 'system' || theme === 'light' || theme === 'dark' ? { theme } : {}),
      ...(typeof size === 'number' && Number.isFinite(size) ? { size } : {}),
    }
  } catch {
    return {}
  }
}

/** Remembers `changes` beside what was remembered, if that is possible. */
export function writePreferences(changes: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...readPreferences(), ...changes }))
  } catch {
    // Full, forbidden or absent: the panel works as well without.
  }
}
