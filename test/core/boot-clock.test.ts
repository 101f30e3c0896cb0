import { describe, expect, it } from 'vitest'
import { bootClock } from '../../src/core/boot-clock.ts'

/** A machine of which a test says how its clocks move. */
function machine() {
  let mono = 1_000
  let wall = 1_700_000_000_000
  const clock = bootClock(
    () => mono,
    () => wall,
  )
  return {
    clock,
    pass: (ms: number) => {
      mono += ms
      wall += ms
    },
    sleep: (ms: number) => {
      wall += ms
    },
    setWallBy: (ms: number) => {
      wall += ms
    },
  }
}

describe('the clock that counts sleep', () => {
  it('passes as the monotonic clock does while the machine is awake', () => {
    const { clock, pass } = machine()
    const before = clock.now()
    pass(5_000)
    expect(clock.now() - before).toBe(5_000)
    expect(clock.slept()).toBe(0)
  })

  it('counts a sleep', () => {
    const { clock, pass, sleep } = machine()
    const before = clock.now()
    pass(1_000)
    sleep(60_000)
    expect(clock.now() - before).toBe(61_000)
    expect(clock.slept()).toBe(60_000)
  })

  it('counts a sleep that came after the wall clock was set back', () => {
    const { clock, pass, sleep, setWallBy } = machine()
    const before = clock.now()
    setWallBy(-3_600_000)
    pass(1_000)
    clock.now()
    sleep(60_000)
    expect(clock.now() - before).toBe(61_000)
  })

  it('is not moved by the resolution of the clocks, however often it is read', () => {
    const { clock, setWallBy, pass } = machine()
    const before = clock.now()
    for (let read = 0; read < 10_000; read += 1) {
      setWallBy(read % 2 === 0 ? 1 : -1)
      pass(0.5)
      clock.now()
    }
    expect(clock.now() - before).toBe(5_000)
  })
})
