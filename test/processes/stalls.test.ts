import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { ClientProcess } from './client-process.ts'
import { Contender } from './contender.ts'
import { expectHeld, expectLoss, expectNoLoss, expectOver } from './expectations.ts'
import { FaultProxy } from './fault-proxy.ts'
import { isHeartbeat } from './requests.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { allOf } from './tale.ts'
import { together } from './together.ts'

const LEASE_MS = 1_500
/** For what must be kept although others want the machine as well. */
const KEPT_LEASE_MS = 2_000
const SHORT_STALL_MS = 0.3 * KEPT_LEASE_MS
const LONG_STALL_MS = 3 * LEASE_MS
/** Longer than a worker may show no sign of life with this lease, and well within the lease. */
const FREEZES_MS = [4_400, 5_000, 5_600]
const FREEZE_LEASE_MS = 9_000
const BEAT_MS = 250
/** The ways to ask a lease, each the first for a lock of its own. */
const QUESTIONS = ['state', 'signal', 'keptSignal', 'remaining', 'assertHeld', 'throwIfAborted']
/** For what comes to everybody who waits, sooner or later. */
const BOUND_MS = 20_000

let server: ServerProcess

beforeAll(async () => {
  server = await startServer()
})

interface Stall {
  readonly worker: 'auto' | 'off'
  readonly leaseMs: number
  readonly stallMs: number
  /** When the process asks: in the task that stalled, or when it has heard a heartbeat of each lock. */
  readonly asks: 'at once' | 'heard'
  /** How long somebody else waits for each of its locks, from when it stalls. */
  readonly waitMs: number
  readonly questions: readonly string[]
}

/** Lets a process stall that holds some locks, while somebody else waits for each of them. */
async function stall({ worker, leaseMs, stallMs, asks, waitMs, questions }: Stall) {
  const prefix = `stall-${worker}-${stallMs}-${asks.replace(' ', '-')}`
  const client = new ClientProcess('stall', server.url, prefix, worker, leaseMs, stallMs, asks, ...questions)
  const { names } = await client.told('stalling')
  const contenders = names.map((name) => new Contender(server.url, name))
  const grants = await Promise.all(contenders.map((contender) => contender.acquire(waitMs)))
  const stalled = await client.told('stalled')
  // Whoever waited in vain leaves the queue.
  await Promise.all(contenders.map((contender, index) => grants[index] === null && contender.release()))
  client.go()
  return { names, contenders, grants, stalled, tale: await client.tale() }
}

const LOSING = {
  leaseMs: LEASE_MS,
  stallMs: LONG_STALL_MS,
  asks: 'at once',
  waitMs: BOUND_MS,
  questions: QUESTIONS,
} as const

describe.concurrent('a process that is stopped within its lease', () => {
  it('keeps its lock and its worker, which still beats when the main thread is blocked after that', async () => {
    await together(FREEZES_MS.map((freezeMs) => freeze(freezeMs)))
  })

  async function freeze(freezeMs: number): Promise<void> {
    const name = `freeze-${freezeMs}`
    const proxy = await FaultProxy.listen(server.url)
    const noticeMs = freezeMs / 2
    const client = new ClientProcess('freeze', proxy.url, name, FREEZE_LEASE_MS, BEAT_MS, noticeMs)
    await client.told('ready')
    const contender = new Contender(server.url, name)
    const granted = contender.acquire(BOUND_MS)
    await client.stop()
    await sleep(freezeMs)
    await client.resume()
    await client.told('blocking')
    // The first of them may have been on its way.
    for (let beats = 0; beats < 2; beats += 1) await Promise.race([proxy.fault(isHeartbeat, () => null), granted])
    client.go()
    const tale = await client.tale()
    expect(allOf(tale, 'thread').map(({ thread }) => thread)).toEqual(['worker'])
    expectNoLoss(tale)
    for (const { answers } of [...allOf(tale, 'awake'), ...allOf(tale, 'stalled')]) answers.forEach(expectHeld)
    const [releasing] = allOf(tale, 'releasing')
    expect((await granted)?.at).toBeGreaterThan(releasing?.at ?? Number.POSITIVE_INFINITY)
  }
})

describe.concurrent('a main thread that is blocked', () => {
  it.each([
    { worker: 'auto', stallMs: 3 * KEPT_LEASE_MS, asks: 'heard', questions: ['state'] },
    { worker: 'auto', stallMs: SHORT_STALL_MS, asks: 'at once', questions: QUESTIONS },
    { worker: 'off', stallMs: SHORT_STALL_MS, asks: 'at once', questions: QUESTIONS },
  ] as const)('keeps its locks: worker $worker, $stallMs ms, asks $asks', async (given) => {
    const { names, grants, stalled, tale } = await stall({ ...given, leaseMs: KEPT_LEASE_MS, waitMs: given.stallMs })
    for (const grant of grants) expect(grant).toBeNull()
    for (const answers of stalled.answers) expectHeld(answers)
    expectNoLoss(tale)
    expect(allOf(tale, 'released').map(({ acknowledged }) => acknowledged)).toEqual(names.map(() => true))
  })

  it('for three times the lease has lost its locks to others without a worker, and knows on the next line', async () => {
    const lost = await stall({ ...LOSING, worker: 'off' })
    await expectLost(lost)
    for (const grant of lost.grants) expect(grant?.at).toBeLessThan(lost.stalled.at)
  })

  it('for three times the lease gives up what its worker has kept, if it asks before it can have heard', async () => {
    await expectLost(await stall({ ...LOSING, worker: 'auto' }))
  })

  async function expectLost({ names, contenders, stalled, tale }: Awaited<ReturnType<typeof stall>>): Promise<void> {
    for (const answers of stalled.answers) expectOver(answers)
    for (const name of names) expectLoss(tale, name, ['frozen'])
    // The release that follows a loss harms nobody.
    for (const contender of contenders) expect(await contender.holds()).toBe(true)
  }
})

describe.concurrent('a process that is stopped past its lease', () => {
  it('knows in the first line after it that its locks are lost', async () => {
    const client = new ClientProcess('be-stopped', server.url, 'stopped', LEASE_MS, LEASE_MS)
    await client.told('ready')
    await client.stop()
    const contenders = ['auto', 'off'].map((worker) => new Contender(server.url, `stopped-${worker}`))
    const grants = await Promise.all(contenders.map((contender) => contender.acquire(BOUND_MS)))
    // For longer than anything else can keep a process from running.
    await sleep(LEASE_MS)
    await client.resume()
    const awake = await client.told('awake')
    for (const answers of awake.answers) expectOver(answers)
    for (const grant of grants) expect(grant?.at).toBeLessThan(awake.at)

    client.go()
    const tale = await client.tale()
    for (const worker of ['auto', 'off']) expectLoss(tale, `stopped-${worker}`, ['frozen', 'too-slow'])
    for (const contender of contenders) expect(await contender.holds()).toBe(true)
  })
})
