import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTicker, TICK_MS } from '../../src/devtools/ticker.ts'
import { createTrace } from '../../src/devtools/trace.ts'
import { fakeClient, happened } from './fake-client.ts'

/** A frame that comes when the test says so. */
function frames() {
  const waiting = new Set<() => void>()
  return {
    schedule: (flush: () => void) => {
      waiting.add(flush)
      return () => waiting.delete(flush)
    },
    paint: () => {
      const due = [...waiting]
      waiting.clear()
      for (const flush of due) flush()
    },
    waiting: () => waiting.size,
  }
}

describe('the trace', () => {
  it('listens while somebody reads it, and not otherwise', () => {
    const fake = fakeClient()
    const trace = createTrace([{ client: fake.client, label: '' }], frames().schedule)
    expect(fake.listeners()).toBe(0)
    const stops = [trace.subscribe(() => {}), trace.subscribe(() => {})]
    expect(fake.listeners()).toBe(1)
    for (const stop of stops) stop()
    expect(fake.listeners()).toBe(0)
  })

  it('knows what happened before, and what happened while nobody read', () => {
    const fake = fakeClient()
    fake.emit(happened.started('1', 'a'))
    const trace = createTrace([{ client: fake.client, label: '' }], frames().schedule)
    expect(trace.getState().events).toHaveLength(1)
    fake.emit(happened.granted('1', 'a'))
    trace.subscribe(() => {})
    expect(trace.getState().clients[0]?.locks.get('1')?.phase).toBe('held')
  })

  it('tells together what came in one frame', () => {
    const fake = fakeClient()
    const frame = frames()
    const trace = createTrace([{ client: fake.client, label: '' }], frame.schedule)
    const told = vi.fn()
    trace.subscribe(told)
    for (let index = 0; index < 50; index++) fake.emit(happened.renewed('1', 'a'))
    expect(told).not.toHaveBeenCalled()
    frame.paint()
    expect(told).toHaveBeenCalledOnce()
    expect(trace.getState().events).toHaveLength(50)
  })

  it('asks for no frame after the last reader left', () => {
    const fake = fakeClient()
    const frame = frames()
    const stop = createTrace([{ client: fake.client, label: '' }], frame.schedule).subscribe(() => {})
    fake.emit(happened.started('1', 'a'))
    expect(frame.waiting()).toBe(1)
    stop()
    expect(frame.waiting()).toBe(0)
  })

  it('is bounded also while no frames come, as in a hidden page', () => {
    const fake = fakeClient()
    const trace = createTrace([{ client: fake.client, label: '' }], frames().schedule)
    trace.subscribe(() => {})
    for (let index = 0; index < 2500; index++) fake.emit(happened.renewed('1', 'a'))
    expect(trace.getState().events).toHaveLength(1000)
  })

  it('puts the events of several clients in the order in which they happened', () => {
    const [alice, bob] = [fakeClient(), fakeClient()]
    alice.emit(happened.started('1', 'a'), 10)
    bob.emit(happened.started('1', 'b'), 20)
    alice.emit(happened.granted('1', 'a'), 30)
    const trace = createTrace([
      { client: alice.client, label: 'Alice' },
      { client: bob.client, label: 'Bob' },
    ])
    expect(trace.getState().events.map(({ source, event }) => `${source.label} ${event.at}`)).toEqual([
      'Alice 10',
      'Bob 20',
      'Alice 40',
    ])
  })

  it('empties the log without forgetting the locks', () => {
    const fake = fakeClient()
    fake.emit(happened.started('1', 'a'))
    const trace = createTrace([{ client: fake.client, label: '' }], frames().schedule)
    trace.subscribe(() => {})
    trace.clear()
    expect(trace.getState().events).toEqual([])
    expect(trace.getState().clients[0]?.locks.size).toBe(1)
  })
})

describe('the ticker', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('is one timer for all, and none for nobody', () => {
    const ticker = createTicker()
    expect(vi.getTimerCount()).toBe(0)
    const ticks = vi.fn()
    const stops = [ticker.subscribe(ticks), ticker.subscribe(() => {})]
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(1000)
    expect(ticks).toHaveBeenCalledTimes(1000 / TICK_MS)
    for (const stop of stops) stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('shows one moment to all that are drawn together', () => {
    const ticker = createTicker()
    ticker.subscribe(() => {})
    vi.advanceTimersByTime(TICK_MS)
    const now = ticker.now()
    vi.advanceTimersByTime(TICK_MS - 1)
    expect(ticker.now()).toBe(now)
  })
})
