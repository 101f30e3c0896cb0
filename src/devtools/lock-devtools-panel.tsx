import { type ReactElement, useEffect, useRef, useState } from 'react'
import css from './panel.css?inline'
import { Panel } from './panel.tsx'
import { createPanelStore } from './panel-state.ts'
import { createIsland, type Island } from './shadow-root.ts'
import { useSources } from './sources.ts'
import type { LockDevtoolsPanelProps } from './types.ts'

/** The panel as a part of the page, as large as the element around it. On a server it renders an empty element. */
export function LockDevtoolsPanel(props: LockDevtoolsPanelProps): ReactElement {
  const { theme = 'system', active = true, onClose } = props
  const sources = useSources(props)
  const [store] = useState(createPanelStore)
  const host = useRef<HTMLDivElement>(null)
  const [island, setIsland] = useState<Island | null>(null)

  useEffect(() => {
    if (!host.current) return
    const made = createIsland(host.current, css)
    setIsland(made)
    return made.remove
  }, [])
  useEffect(() => {
    island?.render(active ? <Panel sources={sources} store={store} theme={theme} onClose={onClose} /> : null)
  }, [island, active, sources, store, theme, onClose])
  return <div ref={host} data-lock-devtools="panel" style={{ height: '100%' }} />
}
