import {
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import { useStore } from 'zustand'
import { announcement, createAnnouncer } from './announcer.ts'
import { EventLog } from './event-log.tsx'
import { Header } from './header.tsx'
import { LockDetail } from './lock-detail.tsx'
import { LockList } from './lock-list.tsx'
import { PanelContext, type PanelTools } from './panel-context.ts'
import type { PanelStore } from './panel-state.ts'
import { listRows, selectedRow } from './rows.ts'
import { createTicker } from './ticker.ts'
import { Timeline } from './timeline.tsx'
import { createTrace, type Source } from './trace.ts'
import type { DevtoolsTheme } from './types.ts'

interface PanelProps {
  readonly sources: readonly Source[]
  readonly store: PanelStore
  readonly theme: DevtoolsTheme
  readonly onClose?: (() => void) | undefined
  /** What belongs to the frame around the panel, inside of its landmark. */
  readonly children?: ReactNode
}

/** The open panel. All that costs anything (subscriptions, the timer) lives as long as it is mounted. */
export function Panel({ sources, store, theme, onClose, children }: PanelProps): ReactElement {
  const tools = useMemo<PanelTools>(
    () => ({ trace: createTrace(sources), ticker: createTicker(), store }),
    [sources, store],
  )
  const { trace } = tools
  const { events, clients } = useSyncExternalStore(trace.subscribe, trace.getState, trace.getState)
  const dismissed = useStore(store, (state) => state.dismissed)
  const key = useStore(store, (state) => state.selected)
  const chosen = useStore(store, (state) => state.theme) ?? theme
  const rows = useMemo(() => listRows(clients, dismissed), [clients, dismissed])
  const selected = selectedRow(rows, key)

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !onClose) return
    event.preventDefault()
    onClose()
  }
  return (
    <PanelContext.Provider value={tools}>
      <section className="panel" aria-label="Lock devtools" data-theme={chosen} tabIndex={-1} onKeyDown={onKeyDown}>
        {children}
        <Header clients={clients} rows={rows} theme={theme} onClose={onClose} />
        <div className="body" data-empty={rows.length === 0 || undefined}>
          <LockList rows={rows} selected={selected} />
          {selected && <LockDetail row={selected} events={events} />}
          <div className="main">
            {selected && <Timeline selected={selected} rows={rows} events={events} />}
            <EventLog events={events} selected={selected} labelled={sources.length > 1} />
          </div>
        </div>
        <Announcements sources={sources} />
      </section>
    </PanelContext.Provider>
  )
}

/** Tells screen readers what matters, and not too often. */
function Announcements({ sources }: { sources: readonly Source[] }): ReactElement {
  const [said, say] = useState('')
  useEffect(() => {
    const announcer = createAnnouncer(say)
    const stops = sources.map(({ client }) =>
      client.subscribe((event) => {
        const text = announcement(event)
        if (text) announcer.announce(text)
      }),
    )
    return () => {
      for (const stop of stops) stop()
      announcer.stop()
    }
  }, [sources])
  return (
    <p className="unseen" role="status">
      {said}
    </p>
  )
}
