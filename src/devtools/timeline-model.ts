import type { TracedEvent } from './trace.ts'

/** A stretch of a lane, in wall-clock ms. `to` is `null` while it goes on. */
export interface Stretch {
  readonly from: number
  to: number | null
}

/** What one lock did over time, in wall-clock ms: what people read off a clock, and what runs on in sleep. */
export interface Lane {
  /** In the queue, or asking. */
  readonly waiting: Stretch[]
  readonly held: Stretch[]
  /** From the last renewal of a lease to its loss: held on credit. */
  readonly credit: Stretch[]
  /** Heartbeats withheld by the devtools. */
  readonly faults: Stretch[]
  /** Heartbeats that renewed the lease, and the grant. */
  readonly renewed: number[]
  /** Heartbeats that failed or were refused. */
  readonly failed: number[]
  readonly lost: number[]
}

const SHORTEST_WAIT = 500

/** Reads the lane of one lock from its events, oldest first. */
export function laneOf(events: readonly TracedEvent[]): Lane {
  const lane: Lane = { waiting: [], held: [], credit: [], faults: [], renewed: [], failed: [], lost: [] }
  for (const { event } of events) {
    const { wall } = event
    switch (event.type) {
      case 'acquire.started':
        lane.waiting.push({ from: wall, to: null })
        break
      case 'acquire.ended':
        endWait(lane.waiting, wall)
        break
      case 'granted':
        endWait(lane.waiting, wall)
        lane.held.push({ from: wall, to: null })
        lane.renewed.push(wall)
        break
      case 'heartbeat.ok':
        lane.renewed.push(wall)
        break
      case 'heartbeat.failed':
      case 'heartbeat.refused':
        lane.failed.push(wall)
        break
      case 'heartbeat.paused':
        lane.faults.push({ from: wall, to: null })
        break
      case 'heartbeat.resumed':
        end(lane.faults, wall)
        break
      case 'released':
        end(lane.held, wall)
        end(lane.faults, wall)
        break
      case 'lost':
        lane.credit.push({ from: lane.renewed.at(-1) ?? wall, to: wall })
        lane.lost.push(wall)
        end(lane.held, wall)
        end(lane.faults, wall)
        break
    }
  }
  return lane
}

/** A request that was answered at once is no wait. */
function endWait(waiting: Stretch[], wall: number): void {
  end(waiting, wall)
  if (wall - (waiting.at(-1)?.from ?? 0) < SHORTEST_WAIT) waiting.pop()
}

function end(stretches: Stretch[], wall: number): void {
  const last = stretches.at(-1)
  if (last && last.to === null) last.to = wall
}

/** Stretches in which the page was hidden or frozen, did not run, or had no network. */
interface PageLane {
  readonly hidden: Stretch[]
  readonly stopped: Stretch[]
  readonly offline: Stretch[]
}

export function pageLane(events: readonly TracedEvent[]): PageLane {
  const hidden: Stretch[] = []
  const stopped: Stretch[] = []
  const offline: Stretch[] = []
  const begin = (stretches: Stretch[], wall: number) => {
    if (stretches.at(-1)?.to !== null) stretches.push({ from: wall, to: null })
  }
  for (const { event } of events) {
    if (event.type === 'page.hidden' || event.type === 'page.frozen') begin(hidden, event.wall)
    if (event.type === 'page.visible') end(hidden, event.wall)
    if (event.type === 'page.stalled' || event.type === 'page.suspended') {
      stopped.push({ from: event.wall - event.ms, to: event.wall })
    }
    if (event.type === 'page.offline') begin(offline, event.wall)
    if (event.type === 'page.online') end(offline, event.wall)
  }
  return { hidden, stopped, offline }
}

/** The stretch of time that is drawn. */
export interface TimeWindow {
  readonly from: number
  /** Wall-clock ms; the rest of the window is the future, as far as leases are certain. */
  readonly now: number
  readonly to: number
}

const SHORTEST_PAST = 45_000
const LONGEST_PAST = 300_000
/** How many leases of the past are drawn. */
const LEASES = 4

/** The window for leases of at most `leaseMs` (`null` if none is known). It does not change its scale as time passes. */
export function timeWindow(now: number, leaseMs: number | null): TimeWindow {
  const past = Math.min(LONGEST_PAST, Math.max(SHORTEST_PAST, (leaseMs ?? 0) * LEASES))
  return { from: now - past, now, to: now + Math.max(past / 30, Math.min(leaseMs ?? 0, past / 2)) }
}

/** Round steps in ms that the axis may have. */
const STEPS = [5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000]

/** Where to mark the axis: at most `count` instants that are round on the local clock. */
export function axisTicks({ from, to }: TimeWindow, count: number): number[] {
  const step = STEPS.find((candidate) => (to - from) / candidate <= count) ?? 600_000
  const ticks: number[] = []
  for (let tick = Math.ceil(from / step) * step; tick < to; tick += step) ticks.push(tick)
  return ticks
}

/** Draws in a window of `width` px. Everything is clipped to the window; what is outside of it is not drawn. */
export function painter(window: TimeWindow, width: number): Painter {
  const scale = width / (window.to - window.from)
  const x = (wall: number) => round(Math.min(Math.max((wall - window.from) * scale, 0), width))
  const isVisible = (wall: number) => wall >= window.from && wall <= window.to
  return {
    x,
    boxes: (stretches, top, height) =>
      stretches
        .filter(({ from, to }) => from <= window.to && (to ?? window.now) >= window.from)
        .map(({ from, to }) => `M${x(from)} ${top}H${x(to ?? window.now)}V${top + height}H${x(from)}Z`)
        .join(''),
    ticks: (instants, top, height) =>
      instants
        .filter(isVisible)
        .map((wall) => `M${x(wall)} ${top}v${height}`)
        .join(''),
    crosses: (instants, middle, radius) =>
      instants
        .filter(isVisible)
        .map((wall) => {
          const [left, top, side] = [round(x(wall) - radius), middle - radius, radius * 2]
          return `M${left} ${top}l${side} ${side}m0 ${-side}l${-side} ${side}`
        })
        .join(''),
  }
}

/** Makes the `d` of one SVG path a lane: thousands of nodes would be slow to lay out. */
export interface Painter {
  readonly x: (wall: number) => number
  readonly boxes: (stretches: readonly Stretch[], top: number, height: number) => string
  readonly ticks: (instants: readonly number[], top: number, height: number) => string
  readonly crosses: (instants: readonly number[], middle: number, radius: number) => string
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
