import { createContext, useContext, useSyncExternalStore } from 'react'
import { useStore } from 'zustand'
import type { PanelState, PanelStore } from './panel-state.ts'
import type { Ticker } from './ticker.ts'
import type { Trace } from './trace.ts'

/** What the parts of one open panel share. */
export interface PanelTools {
  readonly trace: Trace
  readonly ticker: Ticker
  readonly store: PanelStore
}

export const PanelContext: React.Context<PanelTools | null> = createContext<PanelTools | null>(null)

export function usePanel(): PanelTools {
  const tools = useContext(PanelContext)
  if (!tools) throw new Error('This part of the lock devtools is rendered outside of their panel.')
  return tools
}

/** A part of what the user did to the panel. */
export function usePanelState<Part>(select: (state: PanelState) => Part): Part {
  return useStore(usePanel().store, select)
}

const never = () => () => {}

/** Wall-clock ms, renewed with every tick while `runs`. */
export function useNow(runs: boolean): number {
  const { ticker } = usePanel()
  return useSyncExternalStore(runs ? ticker.subscribe : never, ticker.now, ticker.now)
}
