import { describe, expect, it, vi } from 'vitest'
import type { WireReply, WireRequest } from '../../src/core/ports.ts'
import { settle, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 60_000

/** The network of a server that knows nothing but the classic dialect: it answers no POST. */
function classicWorld(): VirtualWorld {
  const w = new VirtualWorld()
  w.answer = (request) => classicOnly(request) ?? (undefined as unknown as Partial<WireReply>)
  return w
}

function classicOnly({ method, path }: WireRequest): Partial<WireReply> | null {
  if (method === 'GET' && path !== '/v1') return null
  return { status: 404, contentType: 'text/html', body: '<h1>Not Found</h1>' }
}

describe('a classic server', () => {
  it('is found out by itself, and held without a fencing token', async () => {
    const w = classicWorld()
    const client = w.client()
    const lease = await client.acquire('a')
    expect(w.operations()).toEqual(['POST acquire', 'GET ', 'GET acquire'])
    expect(lease.fencingToken).toBeNull()
    expect(lease.remaining()).toBe(LEASE - LEASE * 0.02 - 100)
    await w.time.advance(LEASE * 3)
    expect(lease.state).toBe('held')
    expect(await lease.release()).toBe(true)
    expect(w.operations().slice(3)).not.toContain('POST heartbeat')
  })

  it('that answers whatever is posted is asked by GET', async () => {
    const w = new VirtualWorld()
    let held = false
    w.answer = ({ path }) => {
      const granted = !held
      if (path.includes('acquire')) held = true
      return { body: JSON.stringify({ response: granted }) }
    }
    const lease = await w.client().acquire('a')
    expect(lease.state).toBe('held')
    expect(lease.fencingToken).toBeNull()
    expect(w.operations()).toEqual(['POST acquire', 'GET acquire'])
  })

  it('is polled with jitter until the lock is free', async () => {
    const w = classicWorld()
    const holder = await w.client({ dialect: 'classic' }).acquire('a')
    const acquired = w.client({ dialect: 'classic' }).acquire('a')
    await w.time.advance(10_000)
    const polls = w.operations().filter((operation) => operation === 'GET acquire').length
    expect(polls).toBeGreaterThanOrEqual(9)
    expect(polls).toBeLessThanOrEqual(15)
    await holder.release()
    await w.time.advance(1_300)
    expect((await acquired).state).toBe('held')
  })

  it.each([{ mode: 'shared' as const }, { steal: 'safe' as const }])(
    'refuses what only an owned server can do: %o',
    async (options) => {
      const w = classicWorld()
      await expect(w.client().acquire('a', options)).rejects.toMatchObject({ code: 'invalid-argument' })
    },
  )

  it('is not taken for classic when it is an owned one behind something that blocks POST', async () => {
    const w = new VirtualWorld()
    w.answer = ({ method }) =>
      method === 'POST'
        ? { status: 405, contentType: 'text/html', body: 'no POST here' }
        : (undefined as unknown as Partial<WireReply>)
    await expect(w.client().acquire('a')).rejects.toThrow(/405 .*Allow POST/)
    expect(w.operations()).not.toContain('GET acquire')
  })

  it('is forgotten with a failed request while nothing is held', async () => {
    const w = classicWorld()
    const client = w.client()
    await (await client.acquire('a')).release()
    w.fault = () => ({ refuse: true })
    const failed = client.acquire('a').catch(() => {})
    await w.time.advance(10_000)
    await failed
    w.fault = () => ({})
    w.answer = null
    expect((await client.acquire('a')).fencingToken).not.toBeNull()
  })

  it('is never again taken for classic once it spoke the owned dialect', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    await (await client.acquire('a')).release()
    w.answer = (request) => classicOnly(request) ?? { body: '{"response":true}' }
    await expect(client.acquire('a')).rejects.toMatchObject({ code: 'protocol' })
    expect(w.operations()).not.toContain('GET acquire')
  })
})

describe('a classic grant that arrives late', () => {
  it('is handed back if nobody wants it any more', async () => {
    const w = classicWorld()
    const abort = new AbortController()
    const client = w.client({ dialect: 'classic' })
    w.fault = () => ({ replyDelay: 5_000 })
    const acquired = client.acquire('a', { signal: abort.signal })
    await w.time.advance(1_000)
    abort.abort(new Error('no longer'))
    await expect(acquired).rejects.toThrow('no longer')
    expect(w.operations()).toEqual(['GET acquire'])
    await w.time.advance(10_000)
    expect(w.operations()).toEqual(['GET acquire', 'GET release'])
  })

  it('is left alone after its own lease: the release would free somebody else', async () => {
    const w = classicWorld()
    const abort = new AbortController()
    const client = w.client({ dialect: 'classic' })
    // Later than its term, and sooner than the request is given up.
    w.fault = () => ({ replyDelay: LEASE - 500 })
    const acquired = client.acquire('a', { signal: abort.signal })
    await w.time.advance(1_000)
    abort.abort(new Error('no longer'))
    await expect(acquired).rejects.toThrow('no longer')
    await w.time.advance(LEASE * 3)
    expect(w.operations()).toEqual(['GET acquire'])
  })

  it('is the grant if it is still waited for', async () => {
    const w = classicWorld()
    const client = w.client({ dialect: 'classic' })
    let first = true
    w.fault = () => {
      const slow = first
      first = false
      return slow ? { replyDelay: 15_000 } : {}
    }
    const acquired = client.acquire('a')
    await w.time.advance(15_000)
    const lease = await acquired
    expect(lease.state).toBe('held')
    // Counted from the request that was granted, not from those that were refused because of it.
    const granted = client.events.find(({ type }) => type === 'granted')
    expect(granted).toMatchObject({ remainingMs: LEASE - LEASE * 0.02 - 100 - 15_000 })
  })

  it('is handed back if the wait had failed before', async () => {
    const w = classicWorld()
    const client = w.client({ dialect: 'classic' })
    let sent = 0
    w.fault = () => {
      sent += 1
      return sent === 1 ? { replyDelay: 12_000 } : {}
    }
    const acquired = client.acquire('a', { blocking: false }).catch((error: unknown) => error)
    await w.time.advance(11_000)
    expect(await acquired).toMatchObject({ code: expect.stringMatching(/network|could-not-acquire/) })
    await w.time.advance(5_000)
    expect(w.operations().at(-1)).toBe('GET release')
  })
})

describe('a classic release', () => {
  it('waits until the heartbeat on its way has ended', async () => {
    const w = classicWorld()
    const lease = await w.client({ dialect: 'classic' }).acquire('a')
    w.fault = ({ path }) => (path.includes('heartbeat') ? { replyDelay: 2_000 } : {})
    await w.time.until(() => w.operations().includes('GET heartbeat'))
    const released = lease.release()
    expect(lease.state).toBe('released')
    await w.time.advance(1_500)
    expect(w.operations()).not.toContain('GET release')
    await w.time.advance(500)
    expect(await released).toBe(true)
  })

  it('is not sent at all if the heartbeat ends after the deadline', async () => {
    const w = classicWorld()
    const client = w.client({ dialect: 'classic' })
    const lease = await client.acquire('a')
    w.fault = () => ({ dropRequest: true })
    // The last attempt is on its way until the very end.
    await w.time.until(() => lease.remaining() < 9_000)
    const before = client.events.length
    await w.time.until(() => client.types().slice(before).includes('heartbeat.sent'))
    const released = lease.release()
    await w.time.advance(LEASE)
    expect(await released).toBe(false)
    expect(w.operations()).not.toContain('GET release')
  })

  it('is sent once, since a repeated one could free somebody else', async () => {
    const w = classicWorld()
    const lease = await w.client({ dialect: 'classic' }).acquire('a')
    w.fault = () => ({ dropReply: true })
    const released = lease.release().catch((error: unknown) => error)
    await w.time.advance(LEASE)
    expect(await released).toMatchObject({ code: 'network' })
    expect(w.operations().filter((operation) => operation === 'GET release')).toHaveLength(1)
  })

  it('reports a heartbeat that the server answered with no as a loss, once', async () => {
    const w = classicWorld()
    const onLockLoss = vi.fn()
    const lease = await w.client({ dialect: 'classic' }).acquire('a', { onLockLoss })
    w.answer = () => ({ body: '{"response":false}' })
    await w.time.advance(16_000)
    await settle()
    expect(lease.state).toBe('lost')
    expect(onLockLoss).toHaveBeenCalledTimes(1)
    expect(w.operations()).not.toContain('GET release')
  })
})
