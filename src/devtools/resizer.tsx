import type { KeyboardEvent, PointerEvent, ReactElement } from 'react'
import { changeSize, type PanelStore } from './panel-state.ts'

const SMALLEST = 160
/** px that stay visible of the page. */
const LEFT_OVER = 80
const STEP = 20

interface ResizerProps {
  readonly store: PanelStore
  readonly position: 'bottom' | 'right'
  readonly size: number
}

/** The edge between page and panel, which can be dragged, or moved with the arrow keys. */
export function Resizer({ store, position, size }: ResizerProps): ReactElement {
  const isBottom = position === 'bottom'
  const largest = Math.max(SMALLEST, (isBottom ? window.innerHeight : window.innerWidth) - LEFT_OVER)
  const resize = (wanted: number) => changeSize(store, Math.round(Math.min(Math.max(wanted, SMALLEST), largest)))

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    resize(isBottom ? window.innerHeight - event.clientY : window.innerWidth - event.clientX)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const direction = { [isBottom ? 'ArrowUp' : 'ArrowLeft']: 1, [isBottom ? 'ArrowDown' : 'ArrowRight']: -1 }[
      event.key
    ]
    if (direction === undefined) return
    event.preventDefault()
    resize(size + direction * STEP)
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: <hr> is a separator that cannot be moved.
    <div
      className="resizer"
      role="separator"
      aria-label="Size of the panel"
      aria-orientation={isBottom ? 'horizontal' : 'vertical'}
      aria-valuenow={size}
      aria-valuemin={SMALLEST}
      aria-valuemax={largest}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    />
  )
}
