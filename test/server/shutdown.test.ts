import { describe, expect, it } from 'vitest'
import type { Child } from '../runtimes/child.ts'
import { newOwner } from '../support/owners.ts'
import { startCommand, urlOf } from './command.ts'

interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
}

async function ask(url: string, body?: object): Promise<Answer> {
  const response = await fetch(url, {
    headers: { 'Content-Type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

async function started(...flags: string[]): Promise<{ child: Child; url: string }> {
  const child = startCommand(flags)
  return { child, url: await urlOf(child) }
}

/** How many wait for a lock. */
async function waiters(url: string, name: string): Promise<unknown> {
  return (await ask(`${url}/v1/status/${name}`)).json.waiters
}

/** A stream that is open, and all that it carries in the end. */
async function stream(url: string, path: string, body?: object): Promise<{ text: Promise<string> }> {
  const response = await fetch(`${url}${path}`, {
    headers: { 'Content-Type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })
  expect(response.status).toBe(200)
  return { text: response.text() }
}

describe.concurrent.each(['SIGTERM', 'SIGINT'] as const)('a server that drains on %s', (signal) => {
  it('answers who waits, says so to probes and streams, and serves heartbeats to the last moment', {
    timeout: 20_000,
  }, async ({ expect }) => {
    const { child, url } = await started('--drain', '5s')
    const owner = newOwner()
    const session = newOwner()
    await ask(`${url}/v1/acquire/k`, { owner, lease_ms: 30_000 })
    await ask(`${url}/v1/session/commands`, { session, open: {}, seq: 1, commands: [] })
    const streams = [
      await stream(url, '/v1/session/stream', { sessions: [{ session }] }),
      await stream(url, '/v1/watch?name=k'),
    ]
    const parked = ask(`${url}/v1/acquire/k`, { owner: newOwner(), wait_ms: 30_000 })
    await expect.poll(() => waiters(url, 'k')).toBe(1)
    expect(await ask(`${url}/readyz`)).toEqual({ status: 200, json: { status: 'ready' } })

    child.signal(signal)
    expect((await parked).json).toMatchObject({ response: false, reason: 'shutdown', retry_after_ms: 1_000 })
    for (const { text } of streams) expect(await text).toMatch(/event: bye\ndata: \{\}\n\n$/)
    expect(await ask(`${url}/readyz`)).toEqual({ status: 503, json: { status: 'not-ready', reason: 'draining' } })
    expect((await ask(`${url}/healthz`)).status).toBe(200)
    const late = { owner: newOwner(), wait_ms: 30_000 }
    expect((await ask(`${url}/v1/acquire/free`, late)).json).toMatchObject({ response: false, reason: 'shutdown' })
    expect((await ask(`${url}/v1/acquire/free`)).json).toEqual({ response: false })
    expect((await ask(`${url}/v1/heartbeat/k`, { owner })).json).toMatchObject({ response: true })
    expect((await ask(`${url}/v1/session/heartbeat`, { session })).status).toBe(200)

    const { code, stderr } = await child.ended
    expect(code).toBe(0)
    expect(stderr).toContain('the last fencing token was')
    await expect(fetch(url)).rejects.toThrow()
  })
})

describe.concurrent('a server that ends', () => {
  it('does so at once by itself, though connections are open', async ({ expect }) => {
    const { child, url } = await started()
    await ask(`${url}/v1/acquire/k`)
    const { text } = await stream(url, '/v1/watch?name=k')
    const before = performance.now()
    child.signal('SIGTERM')
    expect((await child.ended).code).toBe(0)
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(await text).toContain('event: bye')
  })

  it('does so within 10 s, though a client never finishes its request', async ({ expect }) => {
    const { child, url } = await started()
    const unfinished = fetch(`${url}/v1/acquire/k`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) }),
      duplex: 'half',
    } as RequestInit)
    const cut = expect(unfinished).rejects.toThrow()
    // A reply to another request shows that the first has been taken in.
    await ask(`${url}/healthz`)
    const before = performance.now()
    child.signal('SIGTERM')
    expect((await child.ended).code).toBe(0)
    expect(performance.now() - before).toBeLessThan(10_000)
    await cut
  }, 15_000)

  it('does so at once on a second signal', async ({ expect }) => {
    const { child, url } = await started('--drain', '60s')
    child.signal('SIGTERM')
    await expect.poll(async () => (await ask(`${url}/readyz`)).status).toBe(503)
    const before = performance.now()
    child.signal('SIGTERM')
    expect((await child.ended).code).toBe(null)
    expect(performance.now() - before).toBeLessThan(2_000)
  })
})
