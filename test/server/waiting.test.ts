import { expect, test } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import { newOwner } from '../support/owners.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { HandlerBench } from './http-bench.ts'

test('a parked request is answered when the lock is released, with how long it waited', async () => {
  const bench = new HandlerBench()
  const holder = newOwner()
  const owner = newOwner()
  await bench.post('acquire', { owner: holder })
  const { reply } = await bench.park({ owner, wait_ms: 20_000 })
  bench.clock.advance(12_345.6)
  await bench.post('release', { owner: holder })
  expect((await reply).json).toEqual({
    v: 2,
    response: true,
    owner,
    fencing_token: expect.any(Number),
    lease_ms: 60_000,
    expires_in_ms: 5_000,
    waited_ms: 12_345,
    confirm: true,
  })
})

test('a parked request is answered when the lease before it runs out', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner(), lease_ms: 3_000 })
  const { reply } = await bench.park({ owner: newOwner(), wait_ms: 20_000 })
  bench.clock.advance(3_000)
  expect((await reply).json).toMatchObject({ response: true, waited_ms: 3_000, expires_in_ms: 5_000 })
})

test('a parked request ends after its wait, and keeps its place', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner() })
  const { reply } = await bench.park({ owner: newOwner(), wait_ms: 7_000 })
  bench.clock.advance(7_000)
  expect((await reply).json).toMatchObject({ response: false, reason: 'queued', position: 1, ticket_ms: 5_000 })
  bench.clock.advance(4_999)
  expect(await bench.get('/v1/status/k')).toMatchObject({ waiters: 1 })
  bench.clock.advance(1)
  expect(await bench.get('/v1/status/k')).toMatchObject({ waiters: 0 })
})

test('a longer wait is cut down to the longest', async () => {
  const bench = new HandlerBench({ maxWaitMs: 10_000 })
  await bench.post('acquire', { owner: newOwner() })
  const { reply } = await bench.park({ owner: newOwner(), wait_ms: 3_600_000 })
  bench.clock.advance(10_000)
  expect((await reply).json).toMatchObject({ reason: 'queued' })
})

test('a client that disconnects keeps its place for a ticket, and no longer', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner() })
  const client = new AbortController()
  const { reply } = await bench.park({ owner: newOwner(), wait_ms: 30_000 }, client.signal)
  const detached = bench.store.next('attend:queued')
  client.abort()
  await detached
  await reply
  bench.clock.advance(4_999)
  expect(await bench.get('/v1/status/k')).toMatchObject({ waiters: 1 })
  bench.clock.advance(1)
  expect(await bench.get('/v1/status/k')).toMatchObject({ waiters: 0 })
})

test('a client that was gone before it was parked is not waited for', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner() })
  const { reply } = await bench.park({ owner: newOwner(), wait_ms: 30_000 }, AbortSignal.abort())
  expect((await reply).json).toMatchObject({ reason: 'queued' })
})

test('a repeated request takes over: the first is let go, and the place stays for as long as the second', async () => {
  const bench = new HandlerBench()
  const holder = newOwner()
  const owner = newOwner()
  await bench.post('acquire', { owner: holder })
  const first = await bench.park({ owner, wait_ms: 30_000 })
  bench.clock.advance(1_000)
  const second = await bench.park({ owner, wait_ms: 30_000 })
  expect((await first.reply).json).toMatchObject({ reason: 'queued', position: 1 })
  bench.clock.advance(29_999)
  await bench.post('release', { owner: holder })
  expect((await second.reply).json).toMatchObject({ response: true, waited_ms: 29_999 })
})

test('the end of the first of two requests does not cut the second short', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner() })
  const owner = newOwner()
  const client = new AbortController()
  const first = await bench.park({ owner, wait_ms: 30_000 }, client.signal)
  await bench.park({ owner, wait_ms: 30_000 })
  client.abort()
  await first.reply
  bench.clock.advance(20_000)
  expect(await bench.get('/v1/status/k')).toMatchObject({ waiters: 1 })
})

test('giving up ends the parked request, whose owner is then spent', async () => {
  const bench = new HandlerBench()
  await bench.post('acquire', { owner: newOwner() })
  const owner = newOwner()
  const { reply } = await bench.park({ owner, wait_ms: 30_000 })
  expect((await bench.post('release', { owner })).json).toEqual({ v: 2, response: true })
  const { status, json } = await reply
  expect([status, json.type]).toEqual([409, 'urn:lockable:problem:owner-spent'])
})

test('an unconfirmed claim passes to the next parked request', async () => {
  const bench = new HandlerBench()
  const holder = newOwner()
  await bench.post('acquire', { owner: holder })
  const dead = newOwner()
  const first = await bench.park({ owner: dead, wait_ms: 30_000 })
  const second = await bench.park({ owner: newOwner(), wait_ms: 30_000 })
  await bench.post('release', { owner: holder })
  await first.reply
  bench.clock.advance(5_000)
  expect((await second.reply).json).toMatchObject({ response: true, waited_ms: 5_000 })
  expect((await bench.post('heartbeat', { owner: dead })).json).toEqual({ v: 2, response: false, reason: 'expired' })
})

test('during the grace period requests are refused or parked, and granted in order afterwards', async () => {
  const bench = new HandlerBench({ grace: 10_000 })
  const owner = newOwner()
  expect((await bench.post('acquire', { owner })).json).toEqual({
    v: 2,
    response: false,
    owner,
    reason: 'grace',
    holders: [],
    retry_after_ms: 10_000,
  })
  expect(await bench.get('/v1/acquire/k')).toEqual({ response: false })
  const { reply: short } = await bench.park({ owner: newOwner(), wait_ms: 1_000 })
  bench.clock.advance(1_000)
  expect((await short).json).toMatchObject({ reason: 'grace', position: 1, retry_after_ms: 9_000 })
  const { reply } = await bench.park({ owner, wait_ms: 30_000 })
  bench.clock.advance(9_000)
  expect((await reply).json).toMatchObject({ response: true, confirm: true })
  expect(await bench.get('/v1')).toMatchObject({ restart: 'grace' })
})

test('closing lets parked requests go, grants nothing more, and still serves heartbeats', async () => {
  const bench = new HandlerBench()
  const holder = newOwner()
  const owner = newOwner()
  await bench.post('acquire', { owner: holder })
  const { reply } = await bench.park({ owner, wait_ms: 30_000 })
  const closed = bench.handler.close()
  const shutdown = { v: 2, response: false, reason: 'shutdown', retry_after_ms: 1_000 }
  expect((await reply).json).toEqual({ ...shutdown, owner })
  await closed
  expect((await bench.post('acquire', { owner, wait_ms: 30_000 })).json).toEqual({ ...shutdown, owner })
  expect(await bench.get('/v1/acquire/other')).toEqual({ response: false })
  expect((await bench.post('heartbeat', { owner: holder })).json).toMatchObject({ response: true })
  expect((await bench.post('release', { owner: holder })).json).toEqual({ v: 2, response: true })
  expect((await bench.post('acquire', { owner })).json).toEqual({ ...shutdown, owner })
})

test('a handler closes its own store when all has been answered', async () => {
  const handler = createHandler({ clock: new VirtualClock() })
  const get = async (path: string) => handler.fetch(new Request(`http://localhost${path}`))
  await get('/v1/acquire/k')
  const parked = handler.fetch(
    new Request('http://localhost/v1/acquire/k', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ owner: newOwner(), wait_ms: 30_000 }),
    }),
  )
  await expect.poll(async () => (await get('/v1/status/k')).json()).toMatchObject({ waiters: 1 })
  await handler.close()
  expect(await (await parked).json()).toMatchObject({ reason: 'shutdown' })
  expect((await get('/v1/status/k')).status).toBe(503)
})

test('a full lock answers 429 to acquire, and never to a holder', async () => {
  const bench = new HandlerBench({ limits: { ownersPerLock: 1 } })
  const owner = newOwner()
  await bench.post('acquire', { owner })
  const reply = await bench.post('acquire', { owner: newOwner(), wait_ms: 1_000 })
  expect([reply.status, reply.json.type, reply.headers['retry-after']]).toEqual([
    429,
    'urn:lockable:problem:too-many-requests',
    '1',
  ])
  expect((await bench.post('heartbeat', { owner })).status).toBe(200)
  expect((await bench.post('release', { owner })).status).toBe(200)
})
