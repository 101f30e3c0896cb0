import { createStore, type StoreApi } from 'zustand/vanilla'
import type { LogFilter } from './log-filter.ts'
import { readPreferences, writePreferences } from './preferences.ts'
import type { DevtoolsTheme } from './types.ts'

/** What the user did to the panel. It outlives the closed panel, so that it opens again as it was. */
export interface PanelState {
  /** The key of the selected row; `null` to follow what goes on. */
  readonly selected: string | null
  /** See `dismissal()`. */
  readonly dismissed: ReadonlySet<string>
  readonly filter: LogFilter
  /** The log stays at its newest line. */
  readonly follows: boolean
  /** What the switch of the panel was set to; `null` for the theme that the application asks for. */
  readonly theme: DevtoolsTheme | null
  /** px that the panel takes from the window; `null` for the default. */
  readonly size: number | null
}

export type PanelStore = StoreApi<PanelState>

export function createPanelStore(): PanelStore {
  const { theme, size } = readPreferences()
  return createStore<PanelState>(() => ({
    selected: null,
    dismissed: new Set(),
    filter: { selectedOnly: false, routine: false, problemsOnly: false },
    follows: true,
    theme: theme ?? null,
    size: size ?? null,
  }))
}

export function dismiss(store: PanelStore, ...rows: string[]): void {
  store.setState(({ dismissed }) => ({ dismissed: new Set([...dismissed, ...rows]) }))
}

export function changeFilter(store: PanelStore, change: Partial<LogFilter>): void {
  store.setState(({ filter }) => ({ filter: { ...filter, ...change }, follows: true }))
}

export function changeTheme(store: PanelStore, theme: DevtoolsTheme): void {
  store.setState({ theme })
  writePreferences({ theme })
}

export function changeSize(store: PanelStore, size: number): void {
  store.setState({ size })
  writePreferences({ size })
}
