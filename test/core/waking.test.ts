import { describe, expect, it } from 'vitest'
import type { LockableOptions, LockLostError } from '../../src/index.ts'
import { problemDocument } from '../../src/protocol/problems.ts'
import { VirtualBrowser } from '../support/virtual-browser.ts'
import type { VirtualClient, VirtualPlace } from '../support/virtual-client.ts'
import { BOTH, brings, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 60_000
/** ms within which a thread that runs again hears what waits in its queue. */
const QUEUE_MS = 30

/** A client that writes down what it does, in order: events and requests, and what a test adds. */
function logged(
  w: VirtualWorld,
  options: LockableOptions = {},
  place: VirtualPlace = {},
): { client: VirtualClient; order: string[] } {
  const client = w.client(options, place)
  const order: string[] = []
  client.subscribe(({ type }) => order.push(type))
  w.fault = (request, machine) => {
    if (machine === client.machine) order.push(brings('stream', request) ? 'stream' : 'request')
    return {}
  }
  return { client, order }
}

describe.each(BOTH)('a page that wakes after its lease has ended, $how,', ({ sessions }) => {
  /** It holds `a`, waits for `b`, and stands still until both of its leases are over. */
  async function asleep(stop: 'freeze' | 'sleep') {
    const w = new VirtualWorld({ sessions })
    const held = await w.client().acquire('b')
    const { client, order } = logged(w)
    const lease = await client.acquire('a', { onLockLoss: () => order.push('callback') })
    const other = await client.acquire('c')
    lease.signal.addEventListener('abort', () => order.push('abort'))
    other.signal.addEventListener('abort', () => order.push('abort'))
    const waiting = client.acquire('b')
    waiting.catch(() => {})
    await w.time.advance(2_500)
    client.machine[stop]()
    await w.time.advance(LEASE * 2)
    order.length = 0
    client.machine.wake()
    return { w, client, order, held, waiting }
  }

  it.each(['freeze', 'sleep'] as const)('aborts before it does anything else, after a %s', async (stop) => {
    const { w, client, order } = await asleep(stop)
    await client.machine.catchUp()
    await w.time.advance(100)
    expect(order.slice(0, 2)).toEqual(['abort', 'abort'])
    expect(order.filter((each) => each === 'abort')).toHaveLength(2)
    expect(order).toEqual(expect.arrayContaining(['lost', 'callback', 'request']))
  })

  it('ends them at once if the page says that it was frozen', async () => {
    const { client, order } = await asleep('freeze')
    client.changePage('resumed')
    expect(order.slice(0, 2)).toEqual(['abort', 'abort'])
  })

  it('ends them at once if the clocks tell of a sleep', async () => {
    const { client, order } = await asleep('sleep')
    await client.machine.catchUp()
    // No virtual time has passed: nothing was waited for.
    expect(order.slice(0, 2)).toEqual(['abort', 'abort'])
    expect(order).toContain('lost')
  })

  it('does what it had to do after that, and is granted what it waited for', async () => {
    const { w, client, order, held, waiting } = await asleep('freeze')
    await client.machine.catchUp()
    await w.time.advance(5_000)
    expect(order).toContain('acquire.sent')
    await held.release()
    await w.time.advance(1_000)
    expect((await waiting).state).toBe('held')
    await client.close()
  })

  it('aborts before the application hears of a longer lease, or is asked for a token', async () => {
    const w = new VirtualWorld({ sessions })
    const order: string[] = []
    const client = w.client({
      authToken: () => {
        order.push('token')
        return 'secret'
      },
    })
    const lease = await client.acquire('a')
    lease.signal.addEventListener('abort', () => order.push('abort'))
    const onHeartbeatException = () => void order.push('exception')
    const longer = await client.acquire('b', { leaseDuration: LEASE * 10, onHeartbeatException })
    const body = JSON.stringify(problemDocument('unauthenticated', 'The token is not valid.'))
    const reply = { status: 401, contentType: 'application/problem+json', body }
    w.fault = (request) => (brings('heartbeat', request) ? { reply, replyDelay: 1_000 } : {})
    await w.time.until(() => w.seen.some(({ operation }) => operation === 'heartbeat'))
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    order.length = 0
    client.machine.wake()
    await client.machine.catchUp()
    expect(order).toEqual([])
    await w.time.advance(QUEUE_MS)
    expect(order[0]).toBe('abort')
    expect(order.slice(1).sort()).toEqual(['exception', 'token'])
    expect(longer.state).toBe('held')
  })

  it.each([false, true])('aborts before anything is told of a longer lease, with a worker: %s', async (hasWorker) => {
    const w = new VirtualWorld({ sessions })
    const client = w.client({}, { hasWorker })
    const order: string[] = []
    const lease = await client.acquire('a')
    lease.signal.addEventListener('abort', () => order.push('abort'))
    await client.acquire('b', { leaseDuration: LEASE * 10 })
    client.subscribe(({ type }) => order.push(type))
    w.fault = (request) => (brings('heartbeat', request) ? { replyDelay: 1_000 } : {})
    await w.time.until(() => w.seen.some(({ operation }) => operation === 'heartbeat'))
    client.machine.freeze()
    // The worker hears the answer, tells of it, and stands still too.
    for (const { machine } of client.workers) {
      await w.time.advance(1_010)
      machine.freeze()
    }
    await w.time.advance(LEASE * 2)
    order.length = 0
    client.machine.wake()
    await client.machine.catchUp()
    await w.time.advance(QUEUE_MS)
    expect(order[0]).toBe('abort')
    expect(order).toContain('heartbeat.ok')
  })
})

describe('a tab that wakes after its lease has ended', () => {
  it('aborts before it leads, if its turn has come meanwhile', async () => {
    const w = new VirtualWorld()
    const browser = new VirtualBrowser()
    await w.client().acquire('b')
    const leader = w.client({}, { browser })
    leader.acquire('b').catch(() => {})
    await w.time.advance(10)
    const { client, order } = logged(w, {}, { browser })
    const lease = await client.acquire('a')
    lease.signal.addEventListener('abort', () => order.push('abort'))
    client.acquire('b').catch(() => {})
    await w.time.advance(1_000)
    expect(browser.leader).toBe(leader.tab)
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    await leader.close()
    expect(browser.leader).toBe(client.tab)
    order.length = 0
    client.machine.wake()
    await client.machine.catchUp()
    expect(order).toEqual([])
    await w.time.advance(1_000)
    expect(order[0]).toBe('abort')
    expect(order).toContain('stream')
    await client.close()
  })
})

describe('what is told', () => {
  it('waits until the gate opens, and is in order then', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    await client.acquire('a')
    await client.acquire('b', { leaseDuration: LEASE * 10 })
    // Its answer comes after timers, which find the gate closed or close it.
    w.fault = (request) => (brings('heartbeat', request) ? { replyDelay: LEASE } : {})
    await w.time.until(() => w.seen.some(({ operation }) => operation === 'heartbeat'))
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    const told = client.events.length
    await client.machine.catchUp()
    // The renewal of `b` was heard.
    expect(client.history()).toHaveLength(told + 1)
    await w.time.advance(QUEUE_MS - 1)
    expect(client.events).toHaveLength(told)
    await w.time.advance(1)
    expect(client.types().slice(told)).toEqual(expect.arrayContaining(['heartbeat.ok', 'lost']))
    const seqs = client.events.map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })
})

describe('a lease that ended while the page stood still', () => {
  it.each([
    ['says so if the browser froze the page', ['frozen', 'resumed'], /^The browser froze this page: 12\d\.\d s passed/],
    ['knows no more if the browser said nothing', [], /^This thread did not run: 12\d\.\d s passed/],
  ] as const)('%s', async (_, [before, after], sentence) => {
    const w = new VirtualWorld()
    const client = w.client()
    const lease = await client.acquire('a')
    await w.time.advance(2_000)
    if (before) client.changePage(before)
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    if (after) client.changePage(after)
    await client.machine.catchUp()
    await w.time.advance(QUEUE_MS)
    expect((lease.signal.reason as LockLostError).loss).toMatchObject({
      cause: 'frozen',
      sentence: expect.stringMatching(sentence),
    })
  })
})

describe('a page that resumes before its lease has ended', () => {
  it.each(['resumed', 'online'] as const)('beats at once when it is %s', async (change) => {
    const w = new VirtualWorld()
    const client = w.client()
    const lease = await client.acquire('a')
    await w.time.advance(2_000)
    client.machine.freeze()
    await w.time.advance(8_000)
    client.machine.wake()
    const before = w.seen.length
    client.changePage(change)
    await w.time.advance(0)
    expect(w.seen.slice(before).map(({ operation }) => operation)).toEqual(['heartbeat'])
    expect(lease.state).toBe('held')
  })

  it('does not when it merely becomes visible', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    await client.acquire('a')
    await w.time.advance(2_000)
    const before = w.seen.length
    client.changePage('visible')
    await w.time.advance(0)
    expect(w.seen).toHaveLength(before)
  })
})

describe.each(BOTH)('a page that goes, $how,', ({ sessions }) => {
  it('has handed everything back when its listener returns', async () => {
    const w = new VirtualWorld({ sessions })
    const client = w.client({ authToken: 'secret' })
    const lease = await client.acquire('a')
    const before = w.sent.length
    client.changePage('leaving')
    const [release, ...more] = w.sent.slice(before)
    expect(release && (brings('release', release) || brings('end', release))).toBe(true)
    expect(more).toEqual([])
    expect(lease.state).toBe('lost')
  })
})

describe('a page that goes with a session', () => {
  it('ends it by a request that no browser asks leave for: text, and no token', async () => {
    const w = new VirtualWorld()
    const client = w.client({ authToken: 'secret' })
    await client.acquire('a')
    client.changePage('leaving')
    expect(w.sent.at(-1)).toMatchObject({ path: '/v1/session/release', authToken: null, isPlain: true })
  })
})

describe('freezing', () => {
  it('is prevented as long as anything is held', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    expect(client.prevented).toBe(0)
    const one = await client.acquire('a')
    const two = await client.acquire('b')
    expect(client.prevented).toBe(1)
    await one.release()
    expect(client.prevented).toBe(1)
    await two.release()
    expect(client.prevented).toBe(0)
  })

  it('is not prevented if that is not wanted', async () => {
    const client = new VirtualWorld().client({ preventFreezing: false })
    await client.acquire('a')
    expect(client.prevented).toBe(0)
  })
})
