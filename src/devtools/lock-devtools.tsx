import { useEffect, useState } from 'react'
import { Dock } from './dock.tsx'
import { matchesHotkey } from './hotkey.ts'
import css from './panel.css?inline'
import { createPanelStore } from './panel-state.ts'
import { createIsland, type Island } from './shadow-root.ts'
import { useSources } from './sources.ts'
import type { LockDevtoolsProps } from './types.ts'

/**
 * A button at the edge of the window, and the panel that it opens. Both live outside of the application's tree, in a
 * shadow root at the end of the body, so that neither's styles, events nor crashes reach the other. On a server it
 * renders nothing.
 */
export function LockDevtools(props: LockDevtoolsProps): null {
  const { theme = 'system', position = 'bottom', trigger = true, hotkey = 'Alt+Shift+L', onOpenChange } = props
  const sources = useSources(props)
  const [store] = useState(createPanelStore)
  const [island, setIsland] = useState<Island | null>(null)
  const [ownOpen, setOwnOpen] = useState(props.initialIsOpen ?? false)
  const isOpen = props.open ?? ownOpen

  useEffect(() => {
    const host = document.createElement('div')
    host.dataset.lockDevtools = ''
    // Out of the flow, so that a body that is a grid or a flex box does not make room for it.
    host.style.position = 'fixed'
    document.body.append(host)
    const made = createIsland(host, css)
    setIsland(made)
    return () => {
      made.remove()
      host.remove()
    }
  }, [])

  useEffect(() => {
    const setOpen = (open: boolean) => {
      setOwnOpen(open)
      onOpenChange?.(open)
    }
    island?.render(
      <Dock
        {...{ sources, store, theme, position, trigger, isOpen, setOpen }}
        hotkey={hotkey === false ? null : hotkey}
      />,
    )
    if (hotkey === false) return
    // While capturing, since events inside of the panel do not come out of it.
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.repeat || !matchesHotkey(hotkey, event)) return
      event.preventDefault()
      setOpen(!isOpen)
    }
    window.addEventListener('keydown', onKeyDown, { capture: true })
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true })
  }, [island, sources, store, theme, position, trigger, isOpen, hotkey, onOpenChange])
  return null
}
