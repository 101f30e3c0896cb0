import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { PeerClock } from '../../src/heartbeat/peer-clock.ts'

/** Two threads with clocks of different origins, over one true time. */
function threads(offset: number) {
  let time = 0
  const clock = (origin: number): Clock => ({ now: () => time + origin, wall: () => time })
  const page = { clock: clock(0), peer: new PeerClock(clock(0)) }
  const worker = { clock: clock(offset), peer: new PeerClock(clock(offset)) }
  return { page, worker, pass: (ms: number) => (time += ms), trueTime: () => time }
}

const ms = fc.double({ min: 0, max: 60_000, noNaN: true })

describe('an instant of the other thread', () => {
  it('is translated to a moment that was not later, and earlier by no more than the way of the message', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), ms, ms, ms, (offset, wayThere, work, wayBack) => {
        const { page, worker, pass, trueTime } = threads(offset)
        const ping = page.peer.stamp()
        pass(wayThere)
        worker.peer.receive(ping)
        pass(work)
        const happened = trueTime()
        const there = { mono: worker.clock.now(), wall: worker.clock.wall() }
        const answer = worker.peer.stamp()
        pass(wayBack)
        page.peer.receive(answer)
        const here = page.peer.toHere(there)
        const rounding = 1e-6 * Math.abs(offset) + 1e-5
        expect(here.mono).toBeLessThanOrEqual(happened + rounding)
        expect(here.mono).toBeGreaterThanOrEqual(happened - wayThere - rounding)
        expect(here.wall).toBe(happened)
      }),
    )
  })

  it('is not later than it was, though the other thread takes steps of the wall clock for sleep', () => {
    const step = fc.double({ min: 0, max: 30_000, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 5 }),
        fc.array(ms, { minLength: 5, maxLength: 5 }),
        (steps, ways) => {
          let time = 0
          let slept = 0
          const page = new PeerClock({ now: () => time, wall: () => time })
          const worker = new PeerClock({ now: () => time + slept, wall: () => time, slept: () => slept })
          const pass = (index: number) => {
            time += ways[index] ?? 0
            slept += steps[index] ?? 0
          }
          pass(0)
          const ping = page.stamp()
          pass(1)
          worker.receive(ping)
          pass(2)
          page.receive(worker.stamp())
          pass(3)
          const happened = time
          const there = { mono: time + slept, wall: time }
          pass(4)
          page.receive(worker.stamp())
          expect(page.toHere(there).mono).toBeLessThanOrEqual(happened + 1e-5)
        },
      ),
    )
  })

  it('cannot be translated before a message has gone there and back', () => {
    const { page, worker } = threads(5)
    expect(() => page.peer.toHere({ mono: 0, wall: 0 })).toThrow(/No echo/)
    worker.peer.receive(page.peer.stamp())
    expect(() => worker.peer.toHere({ mono: 0, wall: 0 })).toThrow(/No echo/)
    page.peer.receive(worker.peer.stamp())
    expect(page.peer.toHere({ mono: 5, wall: 7 })).toEqual({ mono: 0, wall: 7 })
  })
})
