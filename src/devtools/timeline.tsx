import { type ReactElement, type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { timeOfDay } from './format.ts'
import { useNow } from './panel-context.ts'
import { eventsOf, type Row } from './rows.ts'
import { axisTicks, type Lane, laneOf, type Painter, pageLane, painter, timeWindow } from './timeline-model.ts'
import type { TracedEvent } from './trace.ts'

const LANE = 26
const BAR = 18
/** px of axis that one label needs. */
const LABEL_WIDTH = 92

interface TimelineProps {
  readonly selected: Row
  readonly rows: readonly Row[]
  readonly events: readonly TracedEvent[]
}

/** The locks of one name over time, a lane each: who waited, who held, when heartbeats renewed the lease. */
export function Timeline({ selected, rows, events }: TimelineProps): ReactElement {
  const shown = rows.filter(({ lock }) => lock.name === selected.lock.name)
  const runs = shown.some(({ lock }) => lock.phase === 'held' || lock.phase === 'blocked')
  const now = useNow(runs)
  const [frame, width] = useWidth()
  const leases = shown.map(({ lock }) => lock.leaseMs ?? 0)
  const span = timeWindow(Math.max(now, events.at(-1)?.event.wall ?? 0), Math.max(0, ...leases) || null)
  const paint = painter(span, width)
  const lanes = shown.map((row) => ({ row, lane: laneOf(eventsOf(row, events)) }))
  const page = pageLane(events)
  const hasPage = page.hidden.length + page.stopped.length + page.offline.length > 0
  const ticks = axisTicks(span, Math.max(1, width / LABEL_WIDTH))
  const height = (lanes.length + (hasPage ? 1 : 0)) * LANE
  return (
    <section className="timeline" aria-label={`Timeline of ${selected.lock.name}`}>
      <div className="lane-names" aria-hidden="true">
        {lanes.map(({ row }) => (
          <span key={row.key}>{row.source.label || 'lease'}</span>
        ))}
        {hasPage && <span>page</span>}
      </div>
      <div className="lanes" ref={frame}>
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={lanes.map(({ row, lane }) => inWords(row, lane)).join('; ')}
        >
          {ticks.map((tick) => (
            <path key={tick} className="grid" d={`M${paint.x(tick)} 0v${height}`} />
          ))}
          {lanes.map(({ row, lane }, index) => (
            <LanePaths key={row.key} row={row} lane={lane} paint={paint} top={index * LANE + 4} now={span.now} />
          ))}
          {hasPage && <path className="page-hidden" d={paint.boxes(page.hidden, height - LANE + 9, 8)} />}
          {hasPage && <path className="page-stopped" d={paint.boxes(page.stopped, height - LANE + 9, 8)} />}
          {hasPage && <path className="page-offline" d={paint.boxes(page.offline, height - LANE + 9, 8)} />}
          <path className="now" d={`M${paint.x(span.now)} 0v${height}`} />
        </svg>
        <Axis ticks={ticks} paint={paint} width={width} />
      </div>
    </section>
  )
}

interface LanePathsProps {
  readonly row: Row
  readonly lane: Lane
  readonly paint: Painter
  readonly top: number
  readonly now: number
}

/** A handful of paths a lane, however many heartbeats there were. */
function LanePaths({ row, lane, paint, top, now }: LanePathsProps): ReactElement {
  const left = row.lock.phase === 'held' ? (row.source.client.find(row.lock.id)?.peek() ?? 0) : 0
  const middle = top + BAR / 2
  return (
    <>
      <path className="waiting" d={paint.boxes(lane.waiting, middle - 3, 6)} />
      <path className="held" d={paint.boxes(lane.held, top, BAR)} />
      {left > 0 && <path className="certain" d={paint.boxes([{ from: now, to: now + left }], top, BAR)} />}
      <path className="credit" d={paint.boxes(lane.credit, top, BAR)} />
      <path className="fault" d={paint.boxes(lane.faults, top + BAR - 4, 4)} />
      <path className="renewed" d={paint.ticks(lane.renewed, top, BAR)} />
      <path className="failed" d={paint.crosses(lane.failed, middle, 4)} />
      <path className="lost" d={paint.ticks(lane.lost, top - 4, BAR + 8)} />
    </>
  )
}

/** The timeline for those who do not see it; the log tells the rest. */
function inWords({ lock, source }: Row, lane: Lane): string {
  const lost = lane.lost.at(-1)
  return [
    source.label ? `${lock.name} of ${source.label}` : lock.name,
    `held ${lane.held.length} ${lane.held.length === 1 ? 'time' : 'times'}`,
    `${lane.renewed.length - lane.held.length} heartbeats ok`,
    `${lane.failed.length} failed`,
    lost === undefined ? '' : `lost at ${timeOfDay(lost)}`,
  ]
    .filter(Boolean)
    .join(', ')
}

function Axis({ ticks, paint, width }: { ticks: readonly number[]; paint: Painter; width: number }): ReactElement {
  return (
    <div className="axis" aria-hidden="true">
      {ticks
        .filter((tick) => fits(paint.x(tick), width))
        .map((tick) => (
          <span key={tick} style={{ transform: `translateX(${paint.x(tick)}px) translateX(-50%)` }}>
            {timeOfDay(tick)}
          </span>
        ))}
    </div>
  )
}

/** Whether a label around `x` is not cut off by the edges. */
function fits(x: number, width: number): boolean {
  return x > LABEL_WIDTH / 3 && x < width - LABEL_WIDTH / 3
}

function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const element = frame.current
    if (!element || typeof ResizeObserver === 'undefined') return
    setWidth(element.clientWidth)
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [frame, width]
}
