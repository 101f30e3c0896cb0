import { describe, expect, it } from 'vitest'
import type { BeatingLock, HeartbeatThread, SignOfLife } from '../../src/core/heartbeat-host.ts'
import type { Send } from '../../src/core/ports.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import { beatingLock, classicRenewedReply, renewedReply } from '../support/heartbeats.ts'
import { VirtualMachine, VirtualTime } from '../support/virtual-time.ts'
import { portsOf, VirtualWorkers, type WorkerStart } from '../support/virtual-worker.ts'

const LEASE = 12_000
/** A third of the lease, less its margin. */
const INTERVAL = (LEASE - 340) / 3

interface Sent {
  /** `page`, or `worker` with its number, from 1 on. */
  readonly from: string
  readonly at: number
}

interface SetUp {
  readonly starts?: readonly WorkerStart[]
  readonly choices?: number
  readonly rttMs?: number
}

/** A host whose workers are threads of virtual time, with a server that always says yes. */
function setUp({ starts = [], choices = 1, rttMs = 0 }: SetUp = {}) {
  const time = new VirtualTime()
  const page = new VirtualMachine(time)
  const sent: Sent[] = []
  const threads: HeartbeatThread[] = []
  const signs: SignOfLife[] = []

  const nameOf = (machine: VirtualMachine) => {
    const index = workers.started.findIndex((worker) => worker.machine === machine)
    return index < 0 ? 'page' : `worker ${index + 1}`
  }
  const sendFrom =
    (machine: VirtualMachine): Send =>
    ({ method }) => {
      sent.push({ from: nameOf(machine), at: time.now })
      const reply = method === 'GET' ? classicRenewedReply() : renewedReply(LEASE)
      return new Promise((resolve) => {
        time.setTimer(() => machine.run(() => resolve(reply)), rttMs)
      })
    }
  const workers = new VirtualWorkers({ time, page, sendFrom, choices, starts })
  const host = new SupervisedHost({
    url: 'http://127.0.0.1:5625',
    page: { ...portsOf(page), send: sendFrom(page) },
    choices: workers.choices,
    dispatch: () => {},
    threadChanged: (thread) => threads.push(thread),
    tick: (sign) => signs.push(sign),
  })
  const beating = (more?: Partial<BeatingLock>) => beatingLock(page, LEASE, more)
  const from = (since = 0) => sent.filter(({ at }) => at >= since).map((each) => each.from)
  const { started, tried } = workers
  return { time, page, host, beating, sent, from, threads, signs, workers: started, tried }
}

describe('heartbeats', () => {
  it('come from the page until the worker is ready, and then from the worker', async () => {
    const { time, host, beating, from, threads } = setUp()
    host.hold(beating({ confirm: true }))
    expect(threads).toEqual([])
    await time.advance(0)
    // What the page had on its way is repeated: nobody waits for its answer any more.
    expect(from()).toEqual(['page', 'worker 1'])
    expect(threads).toEqual([{ thread: 'worker', reason: null, isLoss: false }])
    await time.advance(LEASE)
    expect(new Set(from(1))).toEqual(new Set(['worker 1']))
    expect(from(1).length).toBeGreaterThanOrEqual(2)
  })

  it('of a classic lock are never on their way from both at once', async () => {
    const { time, host, beating, sent } = setUp({ rttMs: 900 })
    host.hold(beating({ owner: null, leaseMs: LEASE, confirm: true }))
    await time.advance(3_000)
    expect(sent[0]).toMatchObject({ from: 'page', at: 0 })
    expect(sent[1]?.from).toBe('worker 1')
    // The worker begins when the answer to the page's is there.
    expect(sent[1]?.at).toBeGreaterThanOrEqual(900)
  })

  it('that were dropped while they were handed over do not begin', async () => {
    const { time, host, beating, sent } = setUp({ rttMs: 500 })
    host.hold(beating({ owner: null, leaseMs: LEASE, confirm: true }))
    await time.advance(100)
    let dropped = false
    void host.drop('1').then(() => {
      dropped = true
    })
    await time.advance(100)
    expect(dropped).toBe(false)
    await time.advance(LEASE)
    expect(dropped).toBe(true)
    expect(sent).toHaveLength(1)
  })

  it('of a classic lock are not taken over a second time before the first has ended', async () => {
    const { time, host, beating, sent, workers, threads } = setUp({ rttMs: 5_000 })
    host.hold(beating({ owner: null, leaseMs: LEASE, confirm: true }))
    await time.advance(100)
    workers[0]?.fail('it crashed')
    await time.advance(1_100)
    expect(workers).toHaveLength(2)
    expect(threads.map(({ thread }) => thread)).toEqual(['worker', 'page', 'worker'])
    await time.advance(3_799)
    expect(sent).toEqual([{ from: 'page', at: 0 }])
    await time.advance(1)
    // The answer to the page's is there.
    expect(sent.slice(1)).toEqual([{ from: 'worker 2', at: 5_000 }])
  })

  it('of a classic lock that is dropped while they are taken over a second time have ended first', async () => {
    const { time, host, beating, sent, workers } = setUp({ rttMs: 5_000 })
    host.hold(beating({ owner: null, leaseMs: LEASE, confirm: true }))
    await time.advance(100)
    workers[0]?.fail('it crashed')
    await time.advance(1_900)
    expect(workers).toHaveLength(2)
    let droppedAt: number | null = null
    void host.drop('1').then(() => {
      droppedAt = time.now
    })
    await time.advance(LEASE)
    expect(droppedAt).toBe(5_000)
    expect(sent).toEqual([{ from: 'page', at: 0 }])
  })

  it('that are paused stay so, whoever beats', async () => {
    const { time, host, beating, sent, workers } = setUp()
    host.hold(beating())
    host.pause('1', true)
    await time.advance(2_000)
    workers[0]?.fail('it crashed')
    await time.advance(LEASE * 2)
    expect(sent).toEqual([])
    host.hold(beating())
    host.pause('1', true)
    host.pause('1', false)
    await time.advance(10)
    expect(sent).toHaveLength(1)
  })
})

describe('a worker that is gone', () => {
  it('without a noise is missed within an interval, and the page beats at once', async () => {
    const { time, host, beating, from, threads, workers } = setUp()
    host.hold(beating())
    await time.advance(INTERVAL + 100)
    workers[0]?.machine.freeze()
    const diedAt = time.now
    await time.until(() => threads.length > 1)
    expect(time.now - diedAt).toBeLessThan(INTERVAL)
    expect(threads.at(-1)).toMatchObject({ thread: 'page', isLoss: true })
    expect(threads.at(-1)?.reason).toMatch(/no sign of life/)
    await time.advance(0)
    expect(from(diedAt)).toEqual(['page'])
  })

  it('without a noise is missed also while other locks come and go', async () => {
    const { time, host, beating, threads, workers } = setUp()
    host.hold(beating())
    await time.advance(INTERVAL + 100)
    workers[0]?.machine.freeze()
    const diedAt = time.now
    for (let other = 0; threads.length === 1 && time.now - diedAt < LEASE; other += 1) {
      host.hold(beating({ id: `other ${other}` }))
      await time.advance(200)
      void host.drop(`other ${other}`)
    }
    expect(time.now - diedAt).toBeLessThan(INTERVAL)
    expect(threads.at(-1)).toMatchObject({ thread: 'page', isLoss: true })
  })

  it('with the last heartbeat of a classic lock on its way keeps nobody waiting for that', async () => {
    const { time, host, beating, sent, workers } = setUp({ rttMs: 900 })
    host.hold(beating({ owner: null, leaseMs: LEASE }))
    await time.until(() => sent.length === 1)
    await time.advance(100)
    workers[0]?.machine.freeze()
    let dropped = false
    void host.drop('1').then(() => {
      dropped = true
    })
    await time.advance(LEASE)
    expect(dropped).toBe(true)
  })

  it('with a noise is told of once; the page takes over at once, and after a second another one goes on', async () => {
    const { time, host, beating, from, threads, workers } = setUp()
    host.hold(beating())
    await time.advance(INTERVAL + 100)
    const diedAt = time.now
    workers[0]?.fail('it crashed')
    await time.advance(0)
    expect(from(diedAt)).toEqual(['page'])
    expect(threads.slice(1)).toEqual([{ thread: 'page', reason: 'it crashed', isLoss: true }])
    await time.advance(999)
    expect(workers).toHaveLength(1)
    await time.advance(1)
    expect(workers).toHaveLength(2)
    await time.advance(LEASE)
    expect(threads.slice(2)).toEqual([{ thread: 'worker', reason: null, isLoss: false }])
    expect(from().at(-1)).toBe('worker 2')
    expect(workers[0]?.isTerminated).toBe(true)
  })

  it('for the fourth time in a row is not replaced any more', async () => {
    const { time, host, beating, threads, workers } = setUp()
    host.hold(beating())
    for (let death = 0; death < 4; death += 1) {
      await time.until(() => workers.length > death)
      await time.advance(100)
      workers.at(-1)?.fail('it crashed')
    }
    await time.advance(600_000)
    expect(workers).toHaveLength(4)
    expect(threads.at(-1)).toMatchObject({ thread: 'page', reason: 'it crashed' })
  })

  it('after a long life counts as the first', async () => {
    const { time, host, beating, workers } = setUp()
    host.hold(beating())
    for (let death = 0; death < 6; death += 1) {
      await time.until(() => workers.length > death)
      await time.advance(61_000)
      workers.at(-1)?.fail('it crashed')
    }
    await time.until(() => workers.length === 7)
    expect(workers).toHaveLength(7)
  })

  it('that dies while nothing is held is missed only when something is', async () => {
    const { time, host, beating, threads, workers } = setUp()
    host.hold(beating())
    await time.advance(1_000)
    void host.drop('1')
    await time.advance(1_500)
    workers[0]?.machine.freeze()
    await time.advance(60_000)
    expect(threads).toHaveLength(1)
    host.hold(beating())
    await time.until(() => threads.length > 1, INTERVAL)
    expect(threads.at(-1)).toMatchObject({ thread: 'page', isLoss: true })
  })

  it('only because the page stood still is not given up', async () => {
    const { time, host, page, beating, threads, signs } = setUp()
    host.hold(beating())
    await time.advance(2_000)
    page.freeze()
    await time.advance(30_000)
    page.wake()
    await page.catchUp()
    await time.advance(5_000)
    expect(threads).toHaveLength(1)
    // The oldest of its signs of life waited for as long as the page stood still.
    expect(Math.max(...signs.map(({ ageMs }) => ageMs))).toBeGreaterThan(28_000)
    expect(Math.max(...signs.map(({ lateMs }) => lateMs))).toBeLessThan(10)
  })

  it('only because both stood still is not given up, and it says so', async () => {
    const { time, host, page, beating, threads, signs, workers } = setUp()
    host.hold(beating())
    await time.advance(2_000)
    page.freeze()
    workers[0]?.machine.freeze()
    await time.advance(5_000)
    page.wake()
    workers[0]?.machine.wake()
    await page.catchUp()
    await workers[0]?.machine.catchUp()
    await time.advance(2_000)
    expect(threads).toHaveLength(1)
    expect(Math.max(...signs.map(({ lateMs }) => lateMs))).toBeGreaterThan(4_000)
  })
})

describe('a worker that cannot be had', () => {
  it('is replaced by the next choice', async () => {
    const { time, host, beating, threads, tried } = setUp({ starts: ['is forbidden', 'runs'], choices: 2 })
    host.hold(beating())
    await time.advance(100)
    expect(tried).toEqual([0, 1])
    expect(threads).toEqual([{ thread: 'worker', reason: null, isLoss: false }])
  })

  it.each(['throws', 'is forbidden', 'is silent'] as const)('for it %s leaves the page to beat', async (how) => {
    const { time, host, beating, from, threads } = setUp({ starts: [how, how, how, how] })
    host.hold(beating())
    await time.advance(LEASE)
    expect(from()).toEqual(['page', 'page', 'page'])
    expect(threads).toHaveLength(1)
    expect(threads[0]).toMatchObject({ thread: 'page', isLoss: true })
  })

  it('says of every choice why', async () => {
    const { time, host, beating, threads } = setUp({ starts: ['is forbidden', 'throws'], choices: 2 })
    host.hold(beating())
    await time.advance(100)
    expect(threads[0]?.reason).toBe('choice 0 is forbidden; and then: choice 1 is insecure')
  })

  it('is not tried again if it is built in and forbidden; another one is, a few times', async () => {
    const starts = Array.from({ length: 12 }, () => 'is forbidden' as const)
    const { time, tried } = setUp({ starts, choices: 2 })
    await time.advance(600_000)
    expect(tried).toEqual([0, 1, 1, 1, 1])
  })

  it('at first, and can be had later, takes over', async () => {
    const { time, host, beating, threads } = setUp({ starts: ['is silent', 'runs'] })
    host.hold(beating())
    await time.advance(LEASE)
    expect(threads.map(({ thread }) => thread)).toEqual(['page', 'worker'])
  })
})

describe('a host that is closed', () => {
  it('ends its worker, and nothing beats any more', async () => {
    const { time, host, beating, workers, sent } = setUp()
    host.hold(beating())
    await time.advance(INTERVAL + 100)
    expect(sent).toHaveLength(1)
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([false])
    host.close()
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true])
    await time.advance(60_000)
    expect(workers).toHaveLength(1)
    expect(sent).toHaveLength(1)
  })

  it('starts no other worker for one that was lost before', async () => {
    const { time, host, beating, workers, sent } = setUp()
    host.hold(beating())
    await time.advance(100)
    workers[0]?.fail('it crashed')
    await time.advance(0)
    const before = sent.length
    host.close()
    await time.advance(60_000)
    expect(workers).toHaveLength(1)
    expect(sent).toHaveLength(before)
  })
})
