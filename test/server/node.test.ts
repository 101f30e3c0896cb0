import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { serve } from '../../src/server/node.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { newOwner } from '../support/owners.ts'
import { observe, post, send } from './http-bench.ts'

test('it listens on a free port of loopback and says where', async () => {
  const server = await serve({ port: 0 })
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
  expect((await fetch(`${server.url}/v1/acquire/k`)).status).toBe(200)
  await server.close()
  await expect(fetch(`${server.url}/v1`)).rejects.toThrow()
})

test('an IPv6 address has brackets in the URL, and is a host of its own', async () => {
  const server = await serve({ port: 0, host: '::1' })
  expect(server.url).toBe(`http://[::1]:${server.port}`)
  expect((await fetch(`${server.url}/v1/acquire/k`)).status).toBe(200)
  await server.close()
})

test('a port in use is an error that names it and the way out', async () => {
  const server = await serve({ port: 0 })
  await expect(serve({ port: server.port })).rejects.toThrow(
    `Port ${server.port} on 127.0.0.1 is in use: stop what listens there, or choose another with --port`,
  )
  await server.close()
})

test('beyond loopback it needs tokens, or to be told that it may be open', async () => {
  await expect(serve({ port: 0, host: '0.0.0.0' })).rejects.toThrow(TypeError)
  for (const options of [{ tokens: ['lk_one'], behindProxy: true }, { insecure: true }]) {
    const server = await serve({ port: 0, host: '0.0.0.0', ...options })
    await server.close()
  }
})

test('wrong options are an error before it listens', async () => {
  await expect(serve({ port: 0, maxWaitMs: 0 })).rejects.toThrow(
    'maxWaitMs must be a whole number of ms, 1 or more; got 0.',
  )
  await expect(serve({ port: 0, grace: -1 })).rejects.toThrow('grace')
  await expect(serve({ port: 0, lease: { minMs: 61_000 } })).rejects.toThrow('--min-lease')
  await expect(serve({ port: 0, lease: { maxMs: 1.5 } })).rejects.toThrow(
    'lease.maxMs must be a whole number of ms, 1 or more; got 1.5.',
  )
  await expect(serve({ port: 0, store: createMemoryStore(), grace: 1 })).rejects.toThrow('default store')
})

test('the globals of the program it is part of stay as they are', async () => {
  const { Request, Response } = globalThis
  const server = await serve({ port: 0 })
  await send(server, '/v1')
  expect([globalThis.Request, globalThis.Response]).toEqual([Request, Response])
  await server.close()
})

test('closing answers what is parked, ends idle connections, and can be repeated', async () => {
  const store = observe(createMemoryStore())
  const server = await serve({ port: 0, store })
  const idle = connect(server.port, server.host)
  await once(idle, 'connect')
  await post(server, 'acquire', 'k', { owner: newOwner() })
  const queued = store.next('acquire:queued')
  const parked = post(server, 'acquire', 'k', { owner: newOwner(), wait_ms: 30_000 })
  await queued
  const ended = once(idle, 'close')
  await Promise.all([server.close(), server.close()])
  expect((await parked).json).toMatchObject({ response: false, reason: 'shutdown' })
  await ended
  await store.close()
})

test('closing does not wait for a client that never finishes its request', async () => {
  const errors: unknown[] = []
  const server = await serve({ port: 0, closeTimeoutMs: 50, onError: (error) => errors.push(error) })
  const socket = connect(server.port, server.host)
  socket.on('error', () => undefined)
  socket.write(
    'POST /v1/acquire/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  )
  await once(socket, 'connect')
  // A reply to another request shows that the first has been taken in.
  await send(server, '/healthz')
  await server.close()
  expect(errors).toEqual([])
})

test('a client that disconnects is detached from its parked request', async () => {
  const store = observe(createMemoryStore())
  const server = await serve({ port: 0, store })
  await post(server, 'acquire', 'k', { owner: newOwner() })
  const client = new AbortController()
  const queued = store.next('acquire:queued')
  const parked = fetch(`${server.url}/v1/acquire/k`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ owner: newOwner(), wait_ms: 30_000 }),
    signal: client.signal,
  })
  await queued
  const detached = store.next('attend:queued')
  client.abort()
  await expect(parked).rejects.toThrow()
  await detached
  await server.close()
  await store.close()
})

test('a request that is answered is not taken for a disconnected one', async () => {
  const store = observe(createMemoryStore())
  const server = await serve({ port: 0, store })
  const holder = newOwner()
  await post(server, 'acquire', 'k', { owner: holder })
  const queued = store.next('acquire:queued')
  const parked = post(server, 'acquire', 'k', { owner: newOwner(), wait_ms: 30_000 })
  await queued
  await post(server, 'release', 'k', { owner: holder })
  expect((await parked).json).toMatchObject({ response: true, confirm: true })
  await server.close()
  await store.close()
})

test('a Host or a target that is no URL is refused with a problem', async () => {
  const server = await serve({ port: 0 })
  for (const headers of [{ Host: 'a b' }, { Host: 'http://x' }]) {
    const reply = await send(server, '/v1', { headers })
    expect([reply.status, reply.json.type]).toEqual([400, 'urn:lockable:problem:bad-request'])
  }
  expect((await send(server, '/v1/acquire/a\\b')).status).toBe(400)
  await server.close()
})
