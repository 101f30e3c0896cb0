import { describe, expect, it } from 'vitest'
import { axisTicks, laneOf, pageLane, painter, timeWindow } from '../../src/devtools/timeline-model.ts'
import { createTrace } from '../../src/devtools/trace.ts'
import type { EventBody } from '../../src/index.ts'
import { fakeClient, happened, START } from './fake-client.ts'

function eventsOf(...steps: [after: number, body: EventBody][]) {
  const { client, emit } = fakeClient()
  for (const [after, body] of steps) emit(body, after)
  return createTrace([{ client, label: '' }]).getState().events
}

describe('the lane of a lock', () => {
  it('tells what it did, and that it was held on credit from the last renewal to the loss', () => {
    const lane = laneOf(
      eventsOf(
        [0, happened.started('1', 'a')],
        [2000, happened.granted('1', 'a')],
        [4000, happened.renewed('1', 'a')],
        [1000, happened.paused('1', 'a')],
        [3000, happened.failed('1', 'a')],
        [8000, happened.lost('1', 'a')],
      ),
    )
    expect(lane).toEqual({
      waiting: [{ from: START, to: START + 2000 }],
      held: [{ from: START + 2000, to: START + 18_000 }],
      credit: [{ from: START + 6000, to: START + 18_000 }],
      faults: [{ from: START + 7000, to: START + 18_000 }],
      renewed: [START + 2000, START + 6000],
      failed: [START + 10_000],
      lost: [START + 18_000],
    })
  })

  it('does not draw a request that was answered at once as a wait', () => {
    const lane = laneOf(eventsOf([0, happened.started('1', 'a')], [40, happened.granted('1', 'a')]))
    expect(lane.waiting).toEqual([])
    expect(lane.held).toEqual([{ from: START + 40, to: null }])
  })

  it('ends with a release, without credit', () => {
    const lane = laneOf(
      eventsOf([0, happened.started('1', 'a')], [10, happened.granted('1', 'a')], [90, happened.released('1', 'a')]),
    )
    expect(lane.held).toEqual([{ from: START + 10, to: START + 100 }])
    expect(lane.credit).toEqual([])
  })

  it('survives events whose beginning was forgotten', () => {
    const lane = laneOf(eventsOf([0, happened.renewed('1', 'a')], [10, happened.released('1', 'a')]))
    expect(lane.held).toEqual([])
    expect(lane.renewed).toEqual([START])
  })
})

describe('the lane of the page', () => {
  it('tells when it was hidden and when the network was away, each once', () => {
    const page = pageLane(
      eventsOf(
        [0, { type: 'page.hidden' }],
        [10, { type: 'page.frozen' }],
        [90, { type: 'page.visible' }],
        [100, { type: 'page.offline' }],
      ),
    )
    expect(page).toEqual({
      hidden: [{ from: START, to: START + 100 }],
      stopped: [],
      offline: [{ from: START + 200, to: null }],
    })
  })

  it('tells when it did not run', () => {
    const page = pageLane(
      eventsOf([5_000, { type: 'page.stalled', ms: 3_000 }], [1_000, { type: 'page.suspended', ms: 500 }]),
    )
    expect(page.stopped).toEqual([
      { from: START + 2_000, to: START + 5_000 },
      { from: START + 5_500, to: START + 6_000 },
    ])
  })
})

describe('the window of time', () => {
  it('reaches as far into the future as a lease is certain, and shows several leases of the past', () => {
    expect(timeWindow(START, 30_000)).toEqual({ from: START - 120_000, now: START, to: START + 30_000 })
    expect(timeWindow(START, null)).toEqual({ from: START - 45_000, now: START, to: START + 1500 })
  })

  it('has round marks on its axis, and not too many', () => {
    const ticks = axisTicks(timeWindow(START + 3, 30_000), 6)
    expect(ticks.length).toBeLessThanOrEqual(6)
    expect(ticks.every((tick) => tick % 30_000 === 0)).toBe(true)
  })
})

describe('the painter', () => {
  const paint = painter({ from: 0, now: 80, to: 100 }, 200)

  it('draws a lane as one path, up to now where it goes on', () => {
    expect(
      paint.boxes(
        [
          { from: 10, to: 20 },
          { from: 50, to: null },
        ],
        4,
        10,
      ),
    ).toBe('M20 4H40V14H20ZM100 4H160V14H100Z')
  })

  it('clips what is partly outside, and leaves out what is all outside', () => {
    expect(paint.boxes([{ from: -50, to: 5 }], 0, 1)).toBe('M0 0H10V1H0Z')
    expect(paint.boxes([{ from: -50, to: -5 }], 0, 1)).toBe('')
    expect(paint.ticks([-1, 50], 0, 8)).toBe('M100 0v8')
    expect(paint.crosses([50, 101], 10, 4)).toBe('M96 6l8 8m0 -8l-8 8')
  })
})
