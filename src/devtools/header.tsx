import type { ReactElement } from 'react'
import { Icon } from './icons.tsx'
import { usePanel, usePanelState } from './panel-context.ts'
import { changeTheme } from './panel-state.ts'
import type { Row } from './rows.ts'
import type { TracedClient } from './trace.ts'
import type { DevtoolsTheme } from './types.ts'

const NEXT_THEME: Readonly<Record<DevtoolsTheme, DevtoolsTheme>> = { system: 'light', light: 'dark', dark: 'system' }

interface HeaderProps {
  readonly clients: readonly TracedClient[]
  readonly rows: readonly Row[]
  /** The theme that the application asks for. */
  readonly theme: DevtoolsTheme
  readonly onClose: (() => void) | undefined
}

/** How the clients are connected, which faults are active, and the switches of the panel itself. */
export function Header({ clients, rows, theme, onClose }: HeaderProps): ReactElement {
  const { store } = usePanel()
  const chosen = usePanelState((state) => state.theme) ?? theme
  const next = NEXT_THEME[chosen]
  return (
    <header className="header">
      <h1>
        <Icon name="lock" size={14} /> Locks
      </h1>
      <div className="header-chips">
        <FaultBadge rows={rows} />
        <Connection clients={clients} />
      </div>
      <button
        type="button"
        className="button icon-button"
        aria-label={`Theme: ${chosen}. Change to ${next}.`}
        title={`Theme: ${chosen}`}
        onClick={() => changeTheme(store, next)}
      >
        <Icon name={chosen} size={14} />
      </button>
      {onClose && (
        <button
          type="button"
          className="button icon-button"
          aria-label="Close lock devtools"
          title="Close (Esc)"
          onClick={onClose}
        >
          <Icon name="close" size={14} />
        </button>
      )}
    </header>
  )
}

/** Live or closed, the dialect and the thread that sends heartbeats: each once, if all clients agree. */
function Connection({ clients }: { clients: readonly TracedClient[] }): ReactElement {
  const connections = clients.map(({ state }) => state.connection)
  const isClosed = connections.length > 0 && connections.every(({ closed }) => closed)
  const dialects = known(connections.map(({ dialect }) => dialect))
  const threads = known(connections.map(({ thread }) => thread))
  const reasons = known(connections.map(({ threadReason }) => threadReason))
  return (
    <>
      <span className="chip" data-status={isClosed ? 'idle' : 'held'}>
        <Icon name={isClosed ? 'idle' : 'held'} />
        {isClosed ? 'closed' : 'live'}
      </span>
      {connections.some(({ online }) => !online) && (
        <span className="chip" data-status="offline">
          <Icon name="offline" /> offline
        </span>
      )}
      {dialects.length > 0 && <span className="chip">{dialects.join(' + ')} server</span>}
      {threads.length > 0 && (
        <span className="chip" data-status={reasons.length > 0 ? 'late' : undefined}>
          heartbeats from the {threads.join(' + ')}
        </span>
      )}
      {reasons.length > 0 && <span className="header-note">{reasons.join(' ')}</span>}
    </>
  )
}

function known<Value extends string>(values: readonly (Value | null)[]): readonly Value[] {
  return [...new Set(values.filter((value) => value !== null))]
}

/** A fault must never be forgotten: a lock that dies of one is not a bug of the application. */
function FaultBadge({ rows }: { rows: readonly Row[] }): ReactElement | null {
  const paused = rows.filter(({ lock }) => lock.phase === 'held' && lock.paused)
  if (paused.length === 0) return null
  const resume = () => {
    for (const { source, lock } of paused) source.client.pauseHeartbeats(lock.id, false)
  }
  return (
    <span className="fault-badge">
      <Icon name="fault" />
      {paused.length === 1 ? '1 fault active: heartbeats paused' : `${paused.length} faults active: heartbeats paused`}
      <button type="button" className="button" onClick={resume}>
        Resume
      </button>
    </span>
  )
}
