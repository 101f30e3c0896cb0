import { describe, expect, it } from 'vitest'
import type { WireReply } from '../../src/core/ports.ts'
import { settle, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 10_000
const PASS = undefined as unknown as Partial<WireReply>

/** A world that knows one token at a time. */
function world(valid: () => string): VirtualWorld {
  const w = new VirtualWorld({ lease: { defaultMs: LEASE } })
  w.answer = ({ authToken }) => (authToken === valid() ? PASS : { status: 401, body: '{}' })
  return w
}

/** A token function that a test answers when it likes. */
function slowTokens() {
  const asked: ((token: string) => void)[] = []
  return { asked, authToken: () => new Promise<string>((answer) => asked.push(answer)) }
}

describe('a token that takes its time', () => {
  it('does not acquire for somebody who gave up meanwhile', async () => {
    const w = world(() => 'token')
    const { asked, authToken } = slowTokens()
    const client = w.client({ authToken })
    const abort = new AbortController()
    const acquired = client.acquire('a', { signal: abort.signal })
    await settle()
    abort.abort(new Error('unmounted'))
    await expect(acquired).rejects.toThrow('unmounted')
    asked[0]?.('token')
    await settle()
    expect(w.operations()).toEqual([])
    expect((await client.acquire('a')).state).toBe('held')
  })

  it.each(['auto', 'owned', 'classic'] as const)('does not hold up a timeout or close(): %s', async (dialect) => {
    const w = world(() => 'token')
    const client = w.client({ authToken: slowTokens().authToken, dialect })
    const timed = client.acquire('a', { timeout: 1_000 }).catch((error: unknown) => error)
    const waiting = client.acquire('b').catch((error: unknown) => error)
    await w.time.advance(1_000)
    expect(await timed).toMatchObject({ code: 'timeout' })
    const closed = client.close()
    await w.time.advance(0)
    await closed
    expect(await waiting).toMatchObject({ code: 'closed' })
  })

  it('does not hold up close() when a heartbeat asked for it', async () => {
    let valid = 'first'
    const w = world(() => valid)
    let asked = 0
    const client = w.client({
      authToken: () => {
        asked += 1
        return asked === 1 ? 'first' : new Promise<string>(() => {})
      },
    })
    await client.acquire('a')
    valid = 'second'
    await w.time.advance(LEASE)
    expect(asked).toBe(2)
    let closed = false
    void client.close().then(() => {
      closed = true
    })
    await w.time.advance(30_000)
    expect(closed).toBe(true)
  })
})

describe('a token that ran out while a lock was held', () => {
  function rotating() {
    let valid = 'token-1'
    const w = world(() => valid)
    let made = 0
    const client = w.client({ authToken: () => `token-${++made}` })
    const rotate = () => {
      valid = 'token-2'
    }
    return { w, client, rotate }
  }

  it('is replaced for the release', async () => {
    const { client, rotate } = rotating()
    const lease = await client.acquire('a')
    rotate()
    expect(await lease.release()).toBe(true)
  })

  it('is replaced for heartbeats, and the lock is kept', async () => {
    const { w, client, rotate } = rotating()
    const lease = await client.acquire('a')
    rotate()
    await w.time.advance(LEASE * 3)
    expect(lease.state).toBe('held')
    expect(lease.health).toBe('ok')
  })

  it('is replaced to give a wait up', async () => {
    const { w, client, rotate } = rotating()
    await client.acquire('a')
    const abort = new AbortController()
    const waiting = client.acquire('a', { signal: abort.signal }).catch(() => {})
    await w.time.advance(100)
    rotate()
    abort.abort()
    await waiting
    await w.time.advance(100)
    expect(await client.status('a')).toMatchObject({ waiters: 0 })
  })
})

describe('a capability, which says how long it lives,', () => {
  /** For 300 s, made at a time that nobody else knows of. */
  function capability(count: number, exp: unknown = 5_300): string {
    const payload = btoa(JSON.stringify({ sub: '\u00fb\u00ff?>', iat: 5_000, exp, count }))
    return `header.${payload.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.signature`
  }

  /** A client that is brought one by `make`, and by what it asked the server. */
  function clientWith(make: (count: number) => string | Promise<string>) {
    const w = new VirtualWorld({ lease: { defaultMs: LEASE } })
    let asked = 0
    const client = w.client({ authToken: () => make(++asked) })
    const ask = async () => {
      await (await client.acquire('a')).release()
      return w.sent.findLast(({ path }) => path.endsWith('/commands'))?.authToken
    }
    return { w, ask, asked: () => asked }
  }

  it('is replaced at two thirds of its life, by the next request, which does not wait for it', async () => {
    const { w, ask, asked } = clientWith((count) => capability(count))
    await ask()
    await w.time.advance(199_000)
    expect(await ask()).toBe(capability(1))
    expect(asked()).toBe(1)
    await w.time.advance(2_000)
    await ask()
    expect(asked()).toBe(2)
    expect(await ask()).toBe(capability(2))
    expect(asked()).toBe(2)
  })

  it('is asked for by one request at a time, and the old one is used while there is no other', async () => {
    const { w, ask, asked } = clientWith((count) => (count === 1 ? capability(1) : new Promise<string>(() => {})))
    await ask()
    await w.time.advance(250_000)
    expect(await ask()).toBe(capability(1))
    expect(await ask()).toBe(capability(1))
    expect(asked()).toBe(2)
  })

  it('is used to its end when the backend fails, which is asked again', async () => {
    const { w, ask, asked } = clientWith((count) => (count === 1 ? capability(1) : Promise.reject(new Error('away'))))
    await ask()
    await w.time.advance(250_000)
    expect(await ask()).toBe(capability(1))
    await settle()
    const before = asked()
    expect(await ask()).toBe(capability(1))
    expect(asked()).toBeGreaterThan(before)
  })

  it.each(['lk_token', 'a.b.c', 'a.!.c', capability(1, 'never'), capability(1, 4_000), 'e30.bnVsbA.x'])(
    'but %s says nothing of that',
    async (token) => {
      const { w, ask, asked } = clientWith(() => token)
      await ask()
      await w.time.advance(1_000_000)
      await ask()
      expect(asked()).toBe(1)
    },
  )
})
