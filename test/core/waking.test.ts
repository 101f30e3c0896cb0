import { describe, expect, it } from 'vitest'
import type { LockableOptions } from '../../src/index.ts'
import { BOTH, brings, type VirtualClient, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 60_000

/** A client that writes down what it does, in order: aborts, events, callbacks and requests. */
function logged(w: VirtualWorld, options: LockableOptions = {}): { client: VirtualClient; order: string[] } {
  const client = w.client(options)
  const order: string[] = []
  client.subscribe(({ type }) => order.push(type))
  w.fault = () => {
    order.push('request')
    return {}
  }
  return { client, order }
}

describe.each(BOTH)('a page that wakes after its lease has ended, $how,', ({ sessions }) => {
  /** It holds `a`, waits for `b`, and stands still until both of its leases are over. */
  async function asleep(stop: 'freeze' | 'sleep') {
    const w = new VirtualWorld({ sessions })
    await w.client().acquire('b')
    const { client, order } = logged(w)
    const lease = await client.acquire('a', { onLockLoss: () => order.push('callback') })
    const other = await client.acquire('c')
    lease.signal.addEventListener('abort', () => order.push('abort'))
    other.signal.addEventListener('abort', () => order.push('abort'))
    void client.acquire('b').catch(() => {})
    await w.time.advance(2_500)
    client.machine[stop]()
    await w.time.advance(LEASE * 2)
    order.length = 0
    client.machine.wake()
    return { w, client, order, lease }
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

  it('does what it had to do after that, and holds again what it waited for', async () => {
    const { w, client, order } = await asleep('freeze')
    await client.machine.catchUp()
    await w.time.advance(5_000)
    expect(order).toContain('acquire.sent')
    const again = await client.acquire('a')
    expect(again.state).toBe('held')
    await client.close()
  })
})

describe('what is told', () => {
  it('is in order after a gate was closed', async () => {
    const w = new VirtualWorld()
    const { client } = logged(w)
    await client.acquire('a')
    await w.time.advance(1_000)
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    await client.machine.catchUp()
    await w.time.advance(1_000)
    const seqs = client.events.map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
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
  it('has handed everything back when its listener returns, and lingers for that', async () => {
    const w = new VirtualWorld({ sessions })
    const client = w.client({ authToken: 'secret' })
    const lease = await client.acquire('a')
    const before = w.sent.length
    client.changePage('leaving')
    const [release, ...more] = w.sent.slice(before)
    expect(release && (brings('release', release) || brings('end', release))).toBe(true)
    expect(more).toEqual([])
    expect(lease.state).toBe('lost')
    expect(client.lingered).toBe(1)
  })

  it('does not linger for nothing', async () => {
    const w = new VirtualWorld({ sessions })
    const client = w.client()
    await (await client.acquire('a')).release()
    client.changePage('leaving')
    expect(client.lingered).toBe(0)
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
