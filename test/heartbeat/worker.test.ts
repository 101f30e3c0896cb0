import { afterEach, describe, expect, it } from 'vitest'
import { Lockable, type LockableEvent, type LockableOptions } from '../../src/index.ts'
import { serve } from '../../src/server/node.ts'

const LEASE = 1_500
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function client(options: LockableOptions = {}): Promise<Lockable> {
  const server = await serve({ port: 0 })
  const made = new Lockable({ url: server.url, leaseDuration: LEASE, ...options })
  cleanups.push(() => made.close().then(() => server.close()))
  return made
}

/** The first event from now on that `matches`. */
function next(from: Lockable, matches: (event: LockableEvent) => boolean): Promise<LockableEvent> {
  return new Promise((resolve) => {
    const stop = from.subscribe((event) => {
      if (!matches(event)) return
      stop()
      resolve(event)
    })
  })
}

describe('heartbeats', () => {
  it('are sent from a worker, and keep the lock', async () => {
    const from = await client()
    const thread = next(from, ({ type }) => type === 'heartbeat.thread')
    const lease = await from.acquire('a')
    expect(await thread).toMatchObject({ thread: 'worker', reason: null })
    const before = lease.remaining()
    await next(from, ({ type }) => type === 'heartbeat.ok')
    await next(from, ({ type }) => type === 'heartbeat.ok')
    await next(from, ({ type }) => type === 'heartbeat.ok')
    expect(lease.remaining()).toBeGreaterThan(before - LEASE / 3)
    expect(lease.state).toBe('held')
    expect(await lease.release()).toBe(true)
  })

  it('are sent from this thread if a worker is not wanted', async () => {
    const from = await client({ worker: 'off' })
    const thread = next(from, ({ type }) => type === 'heartbeat.thread')
    await from.acquire('a')
    expect(await thread).toMatchObject({ thread: 'page', reason: 'worker is "off"' })
    await next(from, ({ type }) => type === 'heartbeat.ok')
  })

  it("are sent from this thread with the application's own fetch", async () => {
    const paths: string[] = []
    const from = await client({
      fetch: (input, init) => {
        paths.push(new URL(String(input)).pathname)
        return fetch(input, init)
      },
    })
    await from.acquire('a')
    await next(from, ({ type }) => type === 'heartbeat.ok')
    expect(paths).toEqual(['/v1/session/commands', '/v1/session/heartbeat'])
  })

  it('go on from this thread when the worker cannot be loaded, and the client says so once', async () => {
    const from = await client({ worker: new URL('file:///there/is/no/such/worker.js') })
    const thread = next(from, ({ type }) => type === 'heartbeat.thread')
    const lease = await from.acquire('a')
    expect(await thread).toMatchObject({ thread: 'page', reason: expect.stringMatching(/Cannot find module/) })
    await next(from, ({ type }) => type === 'heartbeat.ok')
    await next(from, ({ type }) => type === 'heartbeat.ok')
    expect(lease.state).toBe('held')
    expect(from.history().filter(({ type }) => type === 'heartbeat.thread')).toHaveLength(1)
  })

  it('go on from this thread when the worker is there but never answers', async () => {
    const from = await client({ worker: new URL('data:text/javascript,setInterval(()=>{},1e6)') })
    const lease = await from.acquire('a', { leaseDuration: 6_000 })
    const thread = await next(from, ({ type }) => type === 'heartbeat.thread')
    expect(thread).toMatchObject({ thread: 'page', reason: expect.stringMatching(/did not answer within 2000 ms/) })
    await next(from, ({ type }) => type === 'heartbeat.ok')
    expect(lease.state).toBe('held')
  })

  it('end with the client', async () => {
    const from = await client()
    const lease = await from.acquire('a')
    await next(from, ({ type }) => type === 'heartbeat.ok')
    await from.close()
    expect(lease.state).toBe('released')
  })
})
