import { describe, expect, it } from 'vitest'
import type { BeatingLock, HeartbeatReport, HeartbeatThread, SignOfLife } from '../../src/core/heartbeat-host.ts'
import type { Send, WireRequest } from '../../src/core/ports.ts'
import { termOf } from '../../src/core/term.ts'
import type { Stamped, ToWorker } from '../../src/heartbeat/messages.ts'
import type { WorkerChoice } from '../../src/heartbeat/recruiter.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import type { SpawnListeners } from '../../src/heartbeat/worker-host.ts'
import { WorkerThread } from '../../src/heartbeat/worker-thread.ts'
import { settle, VirtualMachine, VirtualTime } from '../support/virtual-time.ts'

const LEASE = 12_000
/** A third of the lease, less its margin. */
const INTERVAL = (LEASE - 340) / 3

interface Sent {
  readonly from: string
  readonly at: number
  readonly request: WireRequest
}

/** A worker that was started. */
interface Started {
  readonly machine: VirtualMachine
  readonly listeners: SpawnListeners
  isTerminated: boolean
}

interface SetUp {
  /** What each start does: run, throw, or tell of an error later. Default: run. */
  readonly starts?: readonly ('runs' | 'throws' | 'is forbidden' | 'is silent')[]
  readonly choices?: number
  readonly rttMs?: number
}

/** A host whose workers are threads of virtual time, with a server that always says yes. */
function setUp({ starts = [], choices = 1, rttMs = 0 }: SetUp = {}) {
  const time = new VirtualTime()
  const page = new VirtualMachine(time)
  const sent: Sent[] = []
  const reports: HeartbeatReport[] = []
  const threads: HeartbeatThread[] = []
  const signs: SignOfLife[] = []
  const workers: Started[] = []
  const spawned: number[] = []

  const sendFrom =
    (from: string, machine: VirtualMachine): Send =>
    (request) => {
      sent.push({ from, at: time.now, request })
      const reply = { v: 2, response: true, fencing_token: 1, lease_ms: LEASE, expires_in_ms: LEASE }
      return new Promise((resolve) => {
        time.setTimer(() => {
          const answer = {
            status: 200,
            contentType: 'application/json',
            retryAfterMs: null,
            body: bodyOf(request, reply),
          }
          machine.run(() => resolve(answer))
        }, rttMs)
      })
    }
  const portsOf = (machine: VirtualMachine) => ({
    now: () => machine.now(),
    wall: () => machine.wall(),
    setTimer: (fire: () => void, ms: number) => machine.setTimer(fire, ms),
    random: () => 0.5,
  })

  const spawn = (choice: number) => (listeners: SpawnListeners) => {
    spawned.push(choice)
    const how = starts[spawned.length - 1] ?? 'runs'
    if (how === 'throws') throw new Error(`choice ${choice} is insecure`)
    const machine = new VirtualMachine(time)
    const started: Started = { machine, listeners, isTerminated: false }
    workers.push(started)
    const from = `worker ${workers.length}`
    const toPage = (task: () => void) => time.setTimer(() => page.run(task), 0)
    const thread = new WorkerThread({
      ...portsOf(machine),
      sendTo: () => sendFrom(from, machine),
      post: (message) => toPage(() => listeners.message(message)),
    })
    if (how === 'is forbidden') toPage(() => listeners.failed(`choice ${choice} is forbidden`))
    const hears = how === 'runs'
    return {
      post: (message: Stamped<ToWorker>) => {
        if (hears) time.setTimer(() => machine.run(() => started.isTerminated || thread.hear(message)), 0)
      },
      terminate: () => {
        started.isTerminated = true
        machine.freeze()
      },
    }
  }

  const host = new SupervisedHost({
    url: 'http://127.0.0.1:5625',
    page: { ...portsOf(page), send: sendFrom('page', page) },
    choices: Array.from(
      { length: choices },
      (_, index): WorkerChoice => ({ spawn: spawn(index), isBuiltIn: index === 0 }),
    ),
    dispatch: (report) => reports.push(report),
    threadChanged: (thread) => threads.push(thread),
    tick: (sign) => signs.push(sign),
  })
  const beating = (more: Partial<BeatingLock> = {}): BeatingLock => ({
    kind: 'lock',
    id: '1',
    name: 'a',
    owner: 'owner',
    leaseMs: null,
    term: termOf({ mono: page.now(), wall: page.wall() }, LEASE),
    confirm: false,
    intervalMs: null,
    stallTimeoutMs: null,
    ...more,
  })
  const from = (since = 0) => sent.filter(({ at }) => at >= since).map((each) => each.from)
  return { time, page, host, beating, sent, from, reports, threads, signs, workers, spawned }
}

function bodyOf({ method }: WireRequest, reply: object): string {
  return JSON.stringify(method === 'GET' ? { response: true } : reply)
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

  it('that are paused stay so, whoever beats', async () => {
    const { time, host, beating, sent, workers } = setUp()
    host.hold(beating())
    host.pause('1', true)
    await time.advance(2_000)
    workers[0]?.listeners.failed('it crashed')
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

  it('with a noise is replaced at once; this is told once, and a new one goes on', async () => {
    const { time, host, beating, from, threads, workers } = setUp()
    host.hold(beating())
    await time.advance(INTERVAL)
    const diedAt = time.now
    workers[0]?.listeners.failed('it crashed')
    await time.advance(500)
    expect(from(diedAt)).toContain('page')
    expect(threads.slice(1)).toEqual([{ thread: 'page', reason: 'it crashed', isLoss: true }])
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
      workers.at(-1)?.listeners.failed('it crashed')
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
      workers.at(-1)?.listeners.failed('it crashed')
    }
    await time.until(() => workers.length === 7)
    expect(workers).toHaveLength(7)
  })

  it('because nothing was held is not missed, for it is asked nothing', async () => {
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
    const { time, host, beating, threads, spawned } = setUp({ starts: ['is forbidden', 'runs'], choices: 2 })
    host.hold(beating())
    await time.advance(100)
    expect(spawned).toEqual([0, 1])
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
    const { time, spawned } = setUp({ starts, choices: 2 })
    await time.advance(600_000)
    expect(spawned).toEqual([0, 1, 1, 1, 1])
  })

  it('at first, and can be had later, takes over', async () => {
    const { time, host, beating, threads } = setUp({ starts: ['is silent', 'runs'] })
    host.hold(beating())
    await time.advance(LEASE)
    expect(threads.map(({ thread }) => thread)).toEqual(['page', 'worker'])
  })
})

describe('a host that is closed', () => {
  it('ends its worker, and starts no other', async () => {
    const { time, host, beating, workers, sent } = setUp()
    host.hold(beating())
    await time.advance(100)
    workers[0]?.listeners.failed('it crashed')
    await settle()
    const before = sent.length
    host.close()
    await time.advance(60_000)
    expect(workers).toHaveLength(1)
    expect(sent.slice(before)).toEqual([])
  })
})
