import { type ReactElement, useEffect, useState } from 'react'
import { fold, initialState } from '../store/index.ts'
import { Icon } from './icons.tsx'
import type { Source } from './trace.ts'

interface TriggerProps {
  readonly sources: readonly Source[]
  readonly hotkey: string | null
  readonly onOpen: () => void
}

/** The button that opens the panel. It warns while a fault that was injected in the panel is still active. */
export function Trigger({ sources, hotkey, onOpen }: TriggerProps): ReactElement {
  const faults = useFaults(sources)
  return (
    <button
      type="button"
      className="trigger"
      part="trigger"
      aria-expanded={false}
      title={hotkey ? `Open lock devtools (${hotkey})` : 'Open lock devtools'}
      onClick={onOpen}
    >
      <Icon name="lock" size={16} />
      <span>Locks</span>
      {faults > 0 && (
        <span className="fault-badge">
          <Icon name="fault" />
          {faults === 1 ? '1 fault active' : `${faults} faults active`}
        </span>
      )}
    </button>
  )
}

/** What may end a fault. */
const ENDS: ReadonlySet<string> = new Set([
  'heartbeat.paused',
  'heartbeat.resumed',
  'lost',
  'released',
  'client.closed',
])

/** How many faults are active. It watches a client only while one is active there: otherwise the closed panel is idle. */
function useFaults(sources: readonly Source[]): number {
  const [faults, setFaults] = useState(() => countFaults(sources))
  const isWatching = faults > 0
  useEffect(() => {
    setFaults(countFaults(sources))
    if (!isWatching) return
    const stops = sources.map(({ client }) =>
      client.subscribe(({ type }) => ENDS.has(type) && setFaults(countFaults(sources))),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }, [sources, isWatching])
  return faults
}

function countFaults(sources: readonly Source[]): number {
  return sources
    .flatMap(({ client }) => Object.values(client.history().reduce(fold, initialState).locks))
    .filter(({ phase, paused }) => phase === 'held' && paused).length
}
