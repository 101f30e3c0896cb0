import type { ReactElement } from 'react'
import type { RowStatus } from './rows.ts'

/**
 * Strokes on a grid of 16. Drawn, not typed: fonts differ in which symbols they have. A status has a shape of its own,
 * so that colour is never alone.
 */
const PATHS = {
  held: 'M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z',
  late: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11ZM8 5v3.2l2 1.6',
  offline: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11ZM4.2 4.2l7.6 7.6',
  ending: 'M2.5 8h10M9 4.5L12.5 8L9 11.5',
  waiting: 'M3 8h.01M8 8h.01M13 8h.01',
  blocked: 'M3.5 7.5h9v6h-9ZM5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2',
  acquiring: 'M13.5 8A5.5 5.5 0 1 1 8 2.5',
  lost: 'M4 4l8 8M12 4l-8 8',
  failed: 'M8 3v6M8 12.5v.01',
  idle: 'M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z',
  lock: 'M3 7h10v6.5H3ZM5.25 7V5a2.75 2.75 0 0 1 5.5 0v2M8 9.5v1.5',
  close: 'M4 4l8 8M12 4l-8 8',
  system: 'M2.5 3.5h11v7h-11ZM6 13h4M8 10.5V13',
  light:
    'M8 5.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6ZM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7',
  dark: 'M13 9.6A5.5 5.5 0 0 1 6.4 3A5.5 5.5 0 1 0 13 9.6Z',
  fault: 'M8 2.5L14 13H2ZM8 6.5v3M8 11.3v.01',
  down: 'M8 3v9M4.5 8.5L8 12l3.5-3.5',
} as const

/** Shapes that are filled, not stroked. */
const FILLED: ReadonlySet<string> = new Set(['held'])
/** Dots: their strokes are thick. */
const DOTTED: ReadonlySet<string> = new Set(['waiting'])

export type IconName = keyof typeof PATHS

/** A picture beside a word: hidden from assistive technology, which has the word. */
export function Icon({ name, size = 12 }: { name: IconName; size?: number }): ReactElement {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" data-icon={name}>
      <path
        d={PATHS[name]}
        fill={FILLED.has(name) ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth={DOTTED.has(name) ? 2.6 : 1.6}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}

/** The state of a lock as glyph, word and colour. */
export function StatusChip({ status }: { status: RowStatus }): ReactElement {
  return (
    <span className="chip" data-status={status}>
      <Icon name={status} />
      {status}
    </span>
  )
}
