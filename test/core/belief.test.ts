import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { LockableOptions, LockLostError } from '../../src/index.ts'
import { problemDocument } from '../../src/protocol/problems.ts'
import { BOTH, settle, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 10_000
/** 2 % and 100 ms. */
const MARGIN = 300

let sessions = true

function world() {
  return new VirtualWorld({ sessions, lease: { defaultMs: LEASE, classicMs: LEASE } })
}

describe.each(BOTH)('belief $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('counts from before the request was sent, not from its reply', async () => {
    const w = world()
    w.fault = () => ({ replyDelay: 4_000 })
    const acquired = w.client().acquire('a')
    await w.time.advance(4_000)
    const lease = await acquired
    expect(lease.remaining()).toBe(LEASE - MARGIN - 4_000)
  })

  it('is kept by heartbeats for as long as they succeed', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    await w.time.advance(LEASE * 10)
    expect(lease.state).toBe('held')
    expect(lease.health).toBe('ok')
    const beats = w.seen.filter(({ operation }) => operation === 'heartbeat')
    expect(beats.length).toBeGreaterThanOrEqual(30)
    expect(beats.length).toBeLessThanOrEqual(32)
  })

  it('is renewed from before the heartbeat was sent, not from its reply', async () => {
    const w = world()
    const client = w.client()
    await client.acquire('a')
    w.fault = () => ({ replyDelay: 1_000 })
    await w.time.until(() => client.types().includes('heartbeat.ok'))
    expect(client.events.find(({ type }) => type === 'heartbeat.ok')).toMatchObject({
      remainingMs: LEASE - MARGIN - 1_000,
    })
  })

  it('ends by the own clock when the network swallows everything, without asking anybody', async () => {
    const w = world()
    const onLockLoss = vi.fn()
    const client = w.client()
    const lease = await client.acquire('a', { onLockLoss })
    w.fault = () => ({ dropRequest: true })
    await w.time.advance(LEASE - MARGIN - 1)
    expect(lease.state).toBe('held')
    expect(lease.signal.aborted).toBe(false)
    await w.time.advance(1)
    expect(lease.state).toBe('lost')
    expect(lease.signal.aborted).toBe(true)
    expect(lease.remaining()).toBe(0)
    expect(() => lease.assertHeld()).toThrow(/The lock "a" was lost/)
    expect(onLockLoss).toHaveBeenCalledTimes(1)
    expect(onLockLoss.mock.calls[0]?.[0]).toMatchObject({ cause: 'too-slow' })
  })

  it('is over in the very first task after a freeze longer than the lease', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    client.machine.freeze()
    await w.time.advance(LEASE * 3)
    client.machine.wake()
    expect(lease.state).toBe('lost')
    expect(lease.signal.aborted).toBe(true)
    expect((lease.signal.reason as LockLostError).loss.cause).toBe('frozen')
    await client.machine.catchUp()
    expect(lease.state).toBe('lost')
  })

  it('is over after a sleep during which the monotonic clock stood still', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    client.machine.sleep()
    await w.time.advance(LEASE * 100)
    client.machine.wake()
    expect(lease.remaining()).toBe(0)
    expect(lease.loss?.cause).toBe('slept')
  })

  it('ignores a wall clock that was set back', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    client.machine.setWallBy(-86_400_000)
    expect(lease.remaining()).toBe(LEASE - MARGIN)
    w.fault = () => ({ dropRequest: true })
    await w.time.advance(LEASE - MARGIN)
    expect(lease.state).toBe('lost')
  })

  it('never comes back by a success that was handled too late', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    await w.time.until(() => w.operations().includes('POST heartbeat'))
    // The first heartbeat was answered in time; the second one's answer waits for a page that does not run.
    await w.time.advance(3_000)
    w.fault = () => ({ replyDelay: 100 })
    await w.time.until(() => w.operations().filter((operation) => operation === 'POST heartbeat').length === 2)
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    await client.machine.catchUp()
    await w.time.advance(100)
    expect(lease.state).toBe('lost')
    expect(client.types().filter((type) => type === 'lost')).toHaveLength(1)
  })

  describe('of a thread that stood still over its deadline, with a renewal in its queue,', () => {
    async function stalled(options: LockableOptions = {}) {
      const w = world()
      const client = w.client(options)
      const lease = await client.acquire('a')
      w.fault = () => ({ replyDelay: 100 })
      await w.time.until(() => w.seen.some(({ operation }) => operation === 'heartbeat'))
      // From before the reply until after the first deadline, and before the renewed one.
      client.machine.freeze()
      await w.time.advance(LEASE - MARGIN - 2_000)
      client.machine.wake()
      const hearQueue = async () => {
        await client.machine.catchUp()
        await w.time.advance(100)
      }
      return { client, lease, hearQueue }
    }

    it('lasts', async () => {
      const { client, lease, hearQueue } = await stalled()
      await hearQueue()
      expect(lease.state).toBe('held')
      expect(client.types()).not.toContain('lost')
    })

    it('is over for good if it is asked for before that is heard', async () => {
      const { lease, hearQueue } = await stalled()
      expect(lease.state).toBe('lost')
      await hearQueue()
      expect(lease.state).toBe('lost')
    })

    it('is over on a classic server, whose late yes may have renewed somebody else', async () => {
      const { client, lease, hearQueue } = await stalled({ dialect: 'classic', leaseDuration: LEASE })
      await hearQueue()
      expect(client.types()).toContain('lost')
      expect(lease.state).toBe('lost')
    })
  })

  it('ends before anything is told: first the signal, then the event, then the callback', async () => {
    const w = world()
    const client = w.client()
    const order: string[] = []
    const lease = await client.acquire('a', { onLockLoss: () => order.push('callback') })
    lease.signal.addEventListener('abort', () => order.push('signal'))
    client.subscribe(({ type }) => type === 'lost' && order.push('event'))
    w.fault = () => ({ refuse: true })
    await w.time.advance(LEASE)
    expect(order).toEqual(['signal', 'event', 'callback'])
  })

  it('ends with maxHold although heartbeats succeed, and frees the lock', async () => {
    const w = world()
    const lease = await w.client().acquire('a', { maxHold: 25_000 })
    await w.time.advance(24_999)
    expect(lease.state).toBe('held')
    await w.time.advance(1)
    expect(lease.loss?.sentence).toMatch(/maxHold, 25\.0 s/)
    await settle()
    const next = await w.client().acquire('a', { blocking: false })
    expect(next.state).toBe('held')
  })
})

describe.each(BOTH)('after the own deadline $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('an owned lock is released once and never renewed', async () => {
    const w = world()
    await w.client().acquire('a')
    w.fault = () => ({ dropRequest: true })
    await w.time.advance(LEASE)
    const deadline = LEASE - MARGIN
    const after = w.seen.filter(({ at }) => at >= deadline).map(({ operation }) => operation)
    await w.time.advance(LEASE * 5)
    expect(after).toEqual(['release'])
    expect(w.seen.filter(({ at, operation }) => at > deadline && operation === 'heartbeat')).toEqual([])
  })

  it('a classic lock is neither renewed nor released', async () => {
    const w = new VirtualWorld({ sessions, lease: { classicMs: LEASE } })
    const client = w.client({ dialect: 'classic', leaseDuration: LEASE })
    const lease = await client.acquire('a')
    w.fault = () => ({ dropRequest: true })
    await w.time.advance(LEASE - MARGIN)
    const before = w.seen.length
    expect(lease.state).toBe('lost')
    expect(await lease.release()).toBe(false)
    await w.time.advance(LEASE * 5)
    expect(w.seen).toHaveLength(before)
    expect(w.operations()).not.toContain('GET release')
  })
})

describe.each(BOTH)('a failed heartbeat $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('is no loss: it is repeated, told each time, and heals', async () => {
    const w = world()
    const client = w.client()
    const onHeartbeatException = vi.fn()
    const onLockLoss = vi.fn()
    const lease = await client.acquire('a', { onHeartbeatException, onLockLoss })
    w.fault = () => ({ refuse: true })
    await w.time.advance(5_000)
    expect(lease.state).toBe('held')
    expect(lease.health).toBe('offline')
    const failures = onHeartbeatException.mock.calls.length
    expect(failures).toBeGreaterThanOrEqual(2)
    expect(onHeartbeatException.mock.calls[0]?.[0]).toMatchObject({ code: 'heartbeat' })
    w.fault = () => ({})
    await w.time.advance(LEASE * 3)
    expect(lease.health).toBe('ok')
    expect(lease.state).toBe('held')
    expect(onHeartbeatException).toHaveBeenCalledTimes(failures)
    expect(onLockLoss).not.toHaveBeenCalled()
  })

  it('leaves room for at least three attempts within one lease, even if each of them times out', async () => {
    const w = world()
    await w.client().acquire('a')
    w.fault = () => ({ dropRequest: true })
    await w.time.advance(LEASE)
    expect(w.seen.filter(({ operation }) => operation === 'heartbeat').length).toBeGreaterThanOrEqual(3)
  })

  it('that the server answers with no is a loss at once', async () => {
    const w = world()
    const onLockLoss = vi.fn()
    const lease = await w.client().acquire('a', { onLockLoss })
    const gone = { status: 409, body: JSON.stringify({ ...problemDocument('session-unknown', ''), reason: 'unknown' }) }
    const no = { body: JSON.stringify({ v: 2, response: false, reason: 'unknown' }) }
    w.answer = () => (sessions ? gone : no)
    await w.time.advance(4_000)
    expect(lease.loss?.cause).toBe('revoked')
    expect(onLockLoss).toHaveBeenCalledTimes(1)
  })

  it.each([
    [503, 'server-error'],
    [429, 'server-error'],
    [401, 'unauthorised'],
  ])('answered %i until the end is a loss by %s', async (status, cause) => {
    const w = world()
    const lease = await w.client().acquire('a')
    w.answer = () => ({ status, body: '{}' })
    await w.time.advance(LEASE)
    expect(lease.loss?.cause).toBe(cause)
  })

  it('that was paused with the devtools ends as injected, unless they are resumed', async () => {
    const w = world()
    const client = w.client()
    const lock = client.lock('a')
    const lease = await lock.acquire()
    client.pauseHeartbeats(lock.id, true)
    await w.time.advance(6_000)
    expect(lease.health).toBe('late')
    client.pauseHeartbeats(lock.id, false)
    await w.time.advance(LEASE)
    expect(lease.health).toBe('ok')
    client.pauseHeartbeats(lock.id, true)
    await w.time.advance(LEASE)
    expect(lease.loss?.cause).toBe('injected')
  })
})

describe.each(BOTH)('callbacks that throw $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('are reported and change nothing', async () => {
    const w = world()
    const client = w.client()
    const failing = () => {
      throw new Error('from the application')
    }
    client.subscribe(failing)
    const lease = await client.acquire('a', { onHeartbeatException: failing, onLockLoss: failing })
    w.fault = () => ({ refuse: true })
    await w.time.advance(LEASE)
    expect(lease.state).toBe('lost')
    expect(client.exceptions.length).toBeGreaterThan(3)
  })
})
