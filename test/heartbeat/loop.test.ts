import { describe, expect, it } from 'vitest'
import type { BeatingLock, HeartbeatReport } from '../../src/core/heartbeat-host.ts'
import { BeatLoop } from '../../src/heartbeat/loop.ts'
import { beatingLock, renewedReply } from '../support/heartbeats.ts'
import { VirtualTime } from '../support/virtual-time.ts'

const LEASE = 12_000

/** A beat loop whose server always says yes, after `rttMs`. */
function loop({
  silentMs = () => 0,
  rttMs = 0,
  ending,
}: {
  silentMs?: () => number
  rttMs?: number
  ending?: string
} = {}) {
  const time = new VirtualTime()
  const reports: HeartbeatReport[] = []
  const sent: number[] = []
  const clock = { now: () => time.now, wall: () => time.now }
  const beats = new BeatLoop({
    ...clock,
    setTimer: (fire, ms) => time.setTimer(fire, ms),
    random: () => 0.5,
    silentMs,
    report: (report) => reports.push(report),
    send: async () => {
      sent.push(time.now)
      if (rttMs > 0) await new Promise<void>((arrive) => time.setTimer(arrive, rttMs))
      return renewedReply(LEASE, ending)
    },
  })
  const beating = (more?: Partial<BeatingLock>) => beatingLock(clock, LEASE, more)
  return { time, beats, reports, sent, beating }
}

describe('the beat loop', () => {
  it('beats every third of the lease', async () => {
    const { time, beats, sent, beating } = loop()
    beats.hold(beating())
    await time.advance(LEASE)
    const third = (LEASE - 340) / 3
    expect(sent.map(Math.round)).toEqual([third, third * 2, third * 3].map(Math.round))
  })

  it('beats at the interval that was asked for, but at least twice a lease', async () => {
    const often = loop()
    often.beats.hold(often.beating({ intervalMs: 1_000 }))
    await often.time.advance(10_500)
    expect(often.sent).toHaveLength(10)
    const seldom = loop()
    seldom.beats.hold(seldom.beating({ intervalMs: LEASE * 2 }))
    await seldom.time.advance(LEASE * 2)
    expect(seldom.sent.length).toBeGreaterThanOrEqual(4)
  })

  it('confirms a claim at once', async () => {
    const { time, beats, sent, beating } = loop()
    beats.hold(beating({ confirm: true }))
    await time.advance(0)
    expect(sent).toEqual([0])
  })

  it('sends one heartbeat at a time', async () => {
    const { time, beats, sent, beating } = loop({ rttMs: 1_500 })
    beats.hold(beating())
    beats.nudge(false)
    await time.advance(4_000)
    beats.nudge(false)
    beats.nudge(false)
    await time.advance(1_000)
    expect(sent).toHaveLength(1)
  })

  it('stops with the lock, and says when nothing is on its way any more', async () => {
    const { time, beats, sent, beating, reports } = loop({ rttMs: 1_000 })
    beats.hold(beating({ owner: null }))
    await time.advance(4_500)
    expect(sent).toHaveLength(1)
    let dropped = false
    const drop = beats.drop('1').then(() => {
      dropped = true
    })
    await time.advance(100)
    expect(dropped).toBe(false)
    await time.advance(1_000)
    expect(dropped).toBe(true)
    await drop
    await time.advance(LEASE * 3)
    expect(sent).toHaveLength(1)
    expect(reports.map(({ type }) => type)).toEqual(['sent'])
  })

  it('does not beat after the deadline of the lock, however late its timer fires', async () => {
    const { time, beats, sent, beating } = loop()
    beats.hold(beating())
    time.now = LEASE
    await time.advance(LEASE)
    expect(sent).toEqual([])
  })

  it('does not renew what has a fixed end', async () => {
    const { time, beats, sent, beating } = loop({ ending: 'stolen' })
    beats.hold(beating())
    await time.advance(LEASE * 3)
    expect(sent).toHaveLength(1)
  })

  it('withholds the heartbeats of a page that is silent for too long, and goes on when it is back', async () => {
    let silent = 0
    const { time, beats, sent, reports, beating } = loop({ silentMs: () => silent })
    beats.hold(beating({ stallTimeoutMs: 2_000 }))
    silent = 2_001
    await time.advance(6_000)
    expect(sent).toEqual([])
    expect(reports).toEqual([{ type: 'stalled', id: '1', silentMs: 2_001 }])
    silent = 0
    await time.advance(1_500)
    expect(sent).toHaveLength(1)
  })

  it('shows that it runs often enough for the shortest lease and stall timeout', async () => {
    const { beats, beating } = loop()
    expect(beats.tickMs()).toBeNull()
    beats.hold(beating())
    expect(beats.tickMs()).toBeLessThanOrEqual(1_000)
    beats.hold(beating({ id: '2', stallTimeoutMs: 1_000 }))
    expect(beats.tickMs()).toBe(250)
    await Promise.all([beats.drop('1'), beats.drop('2')])
    expect(beats.tickMs()).toBeNull()
  })
})
