import { beforeEach, describe, expect, it, vi } from 'vitest'
import { BOTH, brings, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 10_000

let sessions = true

function world() {
  return new VirtualWorld({ sessions, lease: { defaultMs: LEASE, classicMs: LEASE } })
}

describe.each(BOTH)('a listener $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('finds the lock held when it is told that it was granted', async () => {
    const client = world().client()
    const lock = client.lock('a')
    const seen: unknown[] = []
    client.subscribe(({ type }) => type === 'granted' && seen.push(lock.state, lock.lease?.state))
    await lock.acquire()
    expect(seen).toEqual(['held', 'held'])
  })

  it('may acquire again when it is told that an acquire ended', async () => {
    const w = world()
    const client = w.client()
    await w.client().acquire('a')
    const lock = client.lock('a')
    let again: Promise<unknown> | null = null
    client.subscribe(({ type }) => {
      if (type === 'acquire.ended' && again === null) again = lock.acquire({ timeout: 100 }).catch((error) => error)
    })
    await expect(lock.acquire({ blocking: false })).rejects.toMatchObject({ code: 'could-not-acquire' })
    await w.time.advance(100)
    expect(await again).toMatchObject({ code: 'timeout' })
  })

  it('may release when a heartbeat failed, and nothing more is told of the lease', async () => {
    const w = world()
    const client = w.client()
    const onHeartbeatException = vi.fn()
    const lease = await client.acquire('a', { onHeartbeatException })
    client.subscribe(({ type }) => type === 'heartbeat.failed' && void lease.release().catch(() => {}))
    w.fault = ({ path }) => (path.includes('heartbeat') ? { refuse: true } : {})
    await w.time.advance(LEASE)
    expect(client.types().slice(client.types().indexOf('heartbeat.failed'))).toEqual([
      'heartbeat.failed',
      'released',
      'release.answered',
    ])
    expect(onHeartbeatException).not.toHaveBeenCalled()
    expect(client.history().some((event) => event.type === 'health')).toBe(false)
  })

  it('that releases a classic lock when a heartbeat left is waited for by the release', async () => {
    const w = world()
    const client = w.client({ dialect: 'classic', leaseDuration: LEASE })
    const lease = await client.acquire('a')
    w.fault = ({ path }) => (path.includes('heartbeat') ? { replyDelay: 500 } : {})
    let sentAt = 0
    client.subscribe(({ type }) => {
      if (type !== 'heartbeat.sent') return
      sentAt = w.time.now
      void lease.release()
    })
    await w.time.advance(LEASE)
    const release = w.seen.find(({ operation }) => operation === 'release')
    expect(release?.at).toBe(sentAt + 500)
    expect(w.operations().filter((operation) => operation === 'GET heartbeat')).toHaveLength(1)
  })

  it('that closes the client when it is closed changes nothing', async () => {
    const w = world()
    const client = w.client()
    await client.acquire('a')
    client.subscribe(({ type }) => type === 'released' && void client.close())
    await client.close()
    expect(client.types().filter((type) => type === 'client.closed')).toHaveLength(1)
  })

  it('that throws does not keep others from being told', async () => {
    const client = world().client()
    const told: string[] = []
    client.subscribe(() => {
      throw new Error('from the application')
    })
    client.subscribe(({ type }) => told.push(type))
    await client.acquire('a')
    expect(told).toContain('granted')
    expect(client.exceptions).toHaveLength(told.length)
  })
})

describe.each(BOTH)('a closed client $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('watches nothing', async () => {
    const client = world().client()
    await client.close()
    expect(() => client.watch(['a'], () => {})).toThrow(/closed/)
  })
})

describe.each(BOTH)('a signal that was kept $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('says the truth in the first line after a freeze', async () => {
    const w = world()
    const client = w.client()
    const { signal } = await client.acquire('a')
    expect(signal.aborted).toBe(false)
    client.machine.freeze()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    expect(signal.aborted).toBe(true)
    expect(() => signal.throwIfAborted()).toThrow(/The lock "a" was lost/)
  })
})

describe('a classic lock that is given up with maxHold', () => {
  it('is released after the heartbeat that is on its way', async () => {
    const w = world()
    const client = w.client({ dialect: 'classic', leaseDuration: LEASE })
    await client.acquire('a', { maxHold: 4_000 })
    w.fault = ({ path }) => (path.includes('heartbeat') ? { replyDelay: 1_000 } : {})
    await w.time.advance(LEASE)
    const beat = w.seen.find(({ operation }) => operation === 'heartbeat')
    const release = w.seen.find(({ operation }) => operation === 'release')
    expect(release?.at).toBe((beat?.at ?? 0) + 1_000)
  })
})

describe('a server that makes no sense', () => {
  beforeEach(() => {
    sessions = false
  })
  it.each([{ reason: 'timeout' }, { reason: 'held', retry_after_ms: 1e13 }, { reason: 'queued', ticket_ms: 0 }])(
    'is not asked in a tight loop: %o',
    async (refusal) => {
      const w = world()
      w.answer = () => ({ body: JSON.stringify({ v: 2, response: false, owner: 'x', ...refusal }) })
      const acquired = w
        .client()
        .acquire('a', { timeout: 5_000 })
        .catch((error: unknown) => error)
      await w.time.advance(5_000)
      expect(await acquired).toMatchObject({ code: expect.stringMatching(/timeout|server/) })
      expect(w.seen.length).toBeLessThan(120)
    },
  )

  it('that grants what is over already is given up', async () => {
    const w = world()
    w.fault = () => ({ replyDelay: 1_000 })
    const acquired = w
      .client({ leaseDuration: 1_000 })
      .acquire('a')
      .catch((error: unknown) => error)
    await w.time.advance(60_000)
    expect(await acquired).toMatchObject({ code: 'server', message: expect.stringMatching(/longer leaseDuration/) })
    expect(w.seen.length).toBeLessThan(40)
  })

  it('and repeats the owner is not quoted', async () => {
    const w = world()
    w.answer = ({ body }) => ({ body: JSON.stringify({ v: 2, echo: body }) })
    const error = await w
      .client()
      .acquire('a')
      .catch((refused: unknown) => refused)
    const [first] = w.seen
    expect(String(error)).not.toContain((first?.request.body as { owner: string } | undefined)?.owner)
  })

  it('loses one request of a long wait without ending it', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    let dropped = 0
    const client = w.client()
    const acquired = client.acquire('a')
    await w.time.advance(15_000)
    w.fault = (request) => (brings('acquire', request) && dropped++ === 0 ? { dropRequest: true } : {})
    await w.time.advance(45_000)
    expect(dropped).toBeGreaterThan(1)
    await holder.release()
    await w.time.advance(5_000)
    expect((await acquired).state).toBe('held')
  })
})
