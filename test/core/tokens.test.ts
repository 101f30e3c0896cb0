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
