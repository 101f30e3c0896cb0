import { beforeEach, describe, expect, it } from 'vitest'
import { watchLease } from '../../src/cli/run-lease.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const EARLY = 5_000

let clock: VirtualClock
/** The instant at which the lease ends. */
let end: number
let lost: AbortController
let told: string[]

beforeEach(() => {
  clock = new VirtualClock()
  lost = new AbortController()
  told = []
})

/** Watches a lease of this length; each call of what it returns renews it. */
function watch(leaseMs: number, earlyMs = EARLY) {
  end = clock.now() + leaseMs
  const lease = {
    remaining: () => Math.max(0, end - clock.now()),
    get signal() {
      if (clock.now() >= end) lost.abort()
      return lost.signal
    },
  }
  const began = clock.now()
  const tell = (what: string) => told.push(`${what} after ${clock.now() - began}`)
  return watchLease(lease, {
    timers: clock,
    earlyMs,
    endsSoon: (remaining) => tell(`ends in ${remaining}`),
    lost: () => tell('lost'),
  })
}

describe('a lease that is watched', () => {
  it('is given up in time before it ends', () => {
    watch(60_000)
    clock.advance(54_999)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told).toEqual(['ends in 5000 after 55000'])
    clock.advance(4_999)
    lost.abort()
    clock.advance(60_000)
    expect(told).toEqual(['ends in 5000 after 55000', 'lost after 59999'])
  })

  it('is not given up as long as it is renewed', () => {
    watch(60_000)
    for (let renewals = 0; renewals < 20; renewals += 1) {
      clock.advance(50_000)
      end = clock.now() + 60_000
    }
    expect(told).toEqual([])
    clock.advance(55_000)
    expect(told).toEqual(['ends in 5000 after 1055000'])
  })

  it('has two thirds of a short lease for itself', () => {
    watch(6_000)
    clock.advance(3_999)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told).toEqual(['ends in 2000 after 4000'])
  })

  it('is not given up for being a claim, which is short until it is confirmed', () => {
    watch(4_900)
    clock.advance(100)
    end = clock.now() + 60_000
    clock.advance(30_000)
    expect(told).toEqual([])
    clock.advance(25_000)
    expect(told).toEqual(['ends in 5000 after 55100'])
  })

  it('is told of its loss only, if nobody wants to know before', () => {
    watch(60_000, 0)
    clock.advance(59_999)
    expect(told).toEqual([])
    lost.abort()
    expect(told).toEqual(['lost after 59999'])
    expect(clock.timers).toBe(0)
  })

  it('is told of a loss that comes of a sudden', () => {
    watch(60_000)
    clock.advance(1_000)
    lost.abort()
    clock.advance(60_000)
    expect(told).toEqual(['lost after 1000'])
  })

  it('is not watched any more when it is over', () => {
    const stop = watch(60_000)
    stop()
    lost.abort()
    clock.advance(60_000)
    expect(told).toEqual([])
    expect(clock.timers).toBe(0)
  })
})
