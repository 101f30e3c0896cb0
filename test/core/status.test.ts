import { describe, expect, it } from 'vitest'
import type { LockStatus } from '../../src/index.ts'
import { settle, VirtualWorld } from '../support/virtual-world.ts'

describe('a status', () => {
  it('says who holds and who waits, without an owner', async () => {
    const w = new VirtualWorld()
    const holder = w.client()
    await holder.acquire('a', { info: 'Alice' })
    void w.client().acquire('a')
    await settle()
    const status = await w.client().status('a')
    expect(status).toEqual({
      name: 'a',
      state: 'held',
      holders: [{ info: 'Alice', mode: 'exclusive', since_ms: 0, expires_in_ms: 60_000 }],
      waiters: 1,
    })
  })

  it('is unknown on a classic server', async () => {
    const w = new VirtualWorld()
    w.answer = () => ({ status: 404, body: 'no such page' })
    expect(await w.client().status('a')).toMatchObject({ state: 'unknown' })
    expect(await w.client({ dialect: 'classic' }).status('a')).toMatchObject({ state: 'unknown' })
  })
})

describe('a watch', () => {
  function watched(w: VirtualWorld) {
    const seen: LockStatus[] = []
    const client = w.client()
    const stop = client.watch(['a'], (status) => seen.push(status))
    return { client, seen, stop }
  }

  it('tells the present state, then every change, and nothing else', async () => {
    const w = new VirtualWorld()
    const { seen } = watched(w)
    await w.time.advance(20_000)
    expect(seen.map(({ state }) => state)).toEqual(['free'])
    const lease = await w.client().acquire('a', { info: 'Alice' })
    await w.time.advance(20_000)
    expect(seen.map(({ state }) => state)).toEqual(['free', 'held'])
    await lease.release()
    await w.time.advance(3_000)
    expect(seen.map(({ state }) => state)).toEqual(['free', 'held', 'free'])
  })

  it('tells of a hand-off between two that look the same', async () => {
    const w = new VirtualWorld()
    const { seen } = watched(w)
    const first = await w.client().acquire('a', { info: 'tab' })
    await w.time.advance(10_000)
    const second = w.client().acquire('a', { info: 'tab' })
    await w.time.advance(3_000)
    await first.release()
    await second
    await w.time.advance(3_000)
    expect(seen.map(({ state, waiters }) => `${state} ${waiters}`)).toEqual(['free 0', 'held 0', 'held 1', 'held 0'])
    const third = await w.client().status('a')
    expect(seen.at(-1)?.holders[0]?.since_ms).toBeLessThanOrEqual(third.holders[0]?.since_ms ?? 0)
  })

  it('asks once for all that watch a name, and stops with the last of them', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    const stops = [client.watch(['a'], () => {}), client.watch(['a', 'a'], () => {})]
    await settle()
    expect(w.operations()).toEqual(['GET status'])
    await w.time.advance(10_000)
    const asked = w.seen.length
    expect(asked).toBeLessThanOrEqual(8)
    for (const stop of stops) stop()
    for (const stop of stops) stop()
    await w.time.advance(10_000)
    expect(w.seen).toHaveLength(asked)
  })

  it('looks at once when this client let go', async () => {
    const w = new VirtualWorld()
    const { client, seen } = watched(w)
    const lease = await client.acquire('a')
    await w.time.advance(1)
    expect(seen.at(-1)?.state).toBe('held')
    await lease.release()
    await w.time.advance(1)
    expect(seen.at(-1)?.state).toBe('free')
  })

  it('says unknown while the server cannot be asked, and goes on', async () => {
    const w = new VirtualWorld()
    const { seen } = watched(w)
    await settle()
    w.fault = () => ({ refuse: true })
    await w.time.advance(5_000)
    expect(seen.at(-1)?.state).toBe('unknown')
    w.fault = () => ({})
    await w.time.advance(5_000)
    expect(seen.at(-1)?.state).toBe('free')
  })
})

describe('events', () => {
  it('are numbered, JSON-safe, and never contain an owner or a token', async () => {
    const w = new VirtualWorld()
    const client = w.client({ authToken: 'a-secret-token' })
    const lease = await client.acquire('a', { info: 'Alice' })
    await w.time.advance(40_000)
    w.fault = () => ({ refuse: true })
    await w.time.advance(60_000)
    expect(lease.state).toBe('lost')
    const owners = w.seen.flatMap(({ request }) => (request.body as { owner?: string } | undefined)?.owner ?? [])
    const text = JSON.stringify(client.history())
    expect(JSON.parse(text)).toEqual(client.history())
    expect(text).not.toContain('a-secret-token')
    for (const owner of owners) expect(text).not.toContain(owner)
    expect(client.events.map(({ seq }) => seq)).toEqual(client.events.map((_, index) => index + 1))
  })

  it('are told to every listener in one order, also those that a listener causes', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    const first: number[] = []
    const second: number[] = []
    client.subscribe(({ seq, type }) => {
      first.push(seq)
      if (type === 'granted') void client.find('1')?.release()
    })
    client.subscribe(({ seq }) => second.push(seq))
    await client.acquire('a')
    await settle()
    expect(second).toEqual(first)
    expect(second).toEqual([...second].sort((a, b) => a - b))
  })

  it('of a lock that is held stay in the history, however much else happens', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    const lock = client.lock('quiet')
    await lock.acquire()
    for (let round = 0; round < 200; round += 1) await (await client.acquire('busy')).release()
    const { length } = client.history()
    expect(length).toBeLessThan(700)
    expect(client.history().some((event) => event.type === 'granted' && event.lock === lock.id)).toBe(true)
  })

  it('of an acquire that the caller ended say so', async () => {
    const w = new VirtualWorld()
    const client = w.client()
    await w.client().acquire('a')
    const abort = new AbortController()
    const acquired = client.acquire('a', { signal: abort.signal }).catch(() => {})
    await settle()
    abort.abort()
    await acquired
    expect(client.events.at(-1)).toMatchObject({ type: 'acquire.ended', error: { code: 'aborted' } })
  })
})
