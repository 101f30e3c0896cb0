import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'

/** What must not reach the application: its hotkeys, its "click outside" and its focus traps are not for the panel. */
const KEPT_INSIDE = [
  'keydown',
  'keyup',
  'keypress',
  'beforeinput',
  'input',
  'mousedown',
  'mouseup',
  'pointerdown',
  'pointerup',
  'click',
  'dblclick',
  'contextmenu',
  'touchstart',
  'touchend',
  'focusin',
  'focusout',
  'wheel',
]

/** A React tree inside an open shadow root, apart from the tree, the styles and the events of the application. */
export interface Island {
  readonly render: (node: ReactNode) => void
  readonly remove: () => void
}

/** Makes an island in `host`, which may have had one before. */
export function createIsland(host: HTMLElement, css: string): Island {
  const shadow = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  adopt(shadow, css)
  for (const type of KEPT_INSIDE) host.addEventListener(type, stopHere)
  // A container of its own each time: the last root of this host may still be on its way out.
  const container = host.ownerDocument.createElement('div')
  container.className = 'root'
  shadow.append(container)
  const root = createRoot(container)
  return {
    render: (node) => root.render(node),
    remove: () => {
      for (const type of KEPT_INSIDE) host.removeEventListener(type, stopHere)
      // React must not unmount a root while it renders another one, and effects are cleaned up in a render.
      queueMicrotask(() => {
        root.unmount()
        container.remove()
      })
    },
  }
}

function stopHere(event: Event): void {
  event.stopPropagation()
}

/** A constructed sheet passes a policy of `style-src 'self'`, which forbids `<style>`. It belongs to one document. */
function adopt(shadow: ShadowRoot, css: string): void {
  const view = shadow.ownerDocument.defaultView
  if (!view?.CSSStyleSheet || !('adoptedStyleSheets' in shadow)) return
  const sheet = new view.CSSStyleSheet()
  sheet.replaceSync(css)
  shadow.adoptedStyleSheets = [sheet]
}
