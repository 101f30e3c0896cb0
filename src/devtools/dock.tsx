import { type ReactElement, useEffect, useRef } from 'react'
import { useStore } from 'zustand'
import { Panel } from './panel.tsx'
import type { PanelStore } from './panel-state.ts'
import { Resizer } from './resizer.tsx'
import type { Source } from './trace.ts'
import { Trigger } from './trigger.tsx'
import type { DevtoolsTheme } from './types.ts'

/** px that the panel takes from the window until it is resized. */
const DEFAULT_SIZE = { bottom: 340, right: 460 }

interface DockProps {
  readonly sources: readonly Source[]
  readonly store: PanelStore
  readonly theme: DevtoolsTheme
  readonly position: 'bottom' | 'right'
  readonly trigger: boolean
  readonly hotkey: string | null
  readonly isOpen: boolean
  readonly setOpen: (open: boolean) => void
}

/** The panel at an edge of the window while it is open, the button that opens it while it is not. */
export function Dock({ sources, store, theme, position, trigger, hotkey, isOpen, setOpen }: DockProps): ReactElement {
  const frame = useRef<HTMLDivElement>(null)
  const size = useStore(store, (state) => state.size) ?? DEFAULT_SIZE[position]
  const chosen = useStore(store, (state) => state.theme) ?? theme
  useFocusHandOver(frame, isOpen)
  useInset(isOpen ? size : 0, position)
  return (
    <div className="dock" data-theme={chosen} data-position={position} ref={frame}>
      {isOpen ? (
        <div className="dock-panel" style={{ [position === 'bottom' ? 'height' : 'width']: `${size}px` }}>
          <Panel sources={sources} store={store} theme={theme} onClose={() => setOpen(false)}>
            <Resizer store={store} position={position} size={size} />
          </Panel>
        </div>
      ) : (
        trigger && <Trigger sources={sources} hotkey={hotkey} onOpen={() => setOpen(true)} />
      )}
    </div>
  )
}

/** Moves the focus into the panel when it opens, and back when it closes with the focus inside; not on page load. */
function useFocusHandOver(frame: React.RefObject<HTMLDivElement | null>, isOpen: boolean): void {
  const wasOpen = useRef(isOpen)
  const before = useRef<HTMLElement | null>(null)
  const wasInside = useRef(false)

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const enter = () => {
      wasInside.current = true
    }
    const leave = ({ relatedTarget }: FocusEvent) => {
      // Without a target the focused element was removed, as it is when the panel closes, or the window lost the focus.
      if (relatedTarget) wasInside.current = false
    }
    element.addEventListener('focusin', enter)
    element.addEventListener('focusout', leave)
    return () => {
      element.removeEventListener('focusin', enter)
      element.removeEventListener('focusout', leave)
    }
  }, [frame])

  useEffect(() => {
    if (wasOpen.current === isOpen) return
    wasOpen.current = isOpen
    const { ownerDocument } = frame.current ?? document.body
    if (isOpen) {
      const { activeElement } = ownerDocument
      const isElsewhere = activeElement instanceof HTMLElement && !activeElement.shadowRoot?.contains(frame.current)
      before.current = isElsewhere && activeElement !== ownerDocument.body ? activeElement : null
      const target = frame.current?.querySelector<HTMLElement>('[role=option][tabindex="0"]')
      ;(target ?? frame.current?.querySelector<HTMLElement>('.panel'))?.focus()
    } else if (wasInside.current) {
      const back = before.current?.isConnected ? before.current : frame.current?.querySelector<HTMLElement>('.trigger')
      back?.focus()
      wasInside.current = false
    }
  }, [frame, isOpen])
}

/**
 * Tells the page how much of the window the panel takes, as `--lock-devtools-inset-bottom` or `-right` on the root
 * element, so that a page can make room for it.
 */
function useInset(size: number, position: 'bottom' | 'right'): void {
  useEffect(() => {
    const property = `--lock-devtools-inset-${position}`
    const { style } = document.documentElement
    if (size > 0) style.setProperty(property, position === 'bottom' ? `min(${size}px, 85vh)` : `min(${size}px, 92vw)`)
    return () => {
      style.removeProperty(property)
    }
  }, [size, position])
}
