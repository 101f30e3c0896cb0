import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LockServer, serve } from '../../src/server/node.ts'
import { newOwner } from '../support/owners.ts'
import { post, send } from './http-bench.ts'

let server: LockServer

beforeAll(async () => {
  server = await serve({ port: 0, lease: { minMs: 500, maxMs: 90_000, defaultMs: 20_000 } })
})

afterAll(() => server.close())

test('a grant tells all that a client needs, and repeats itself', async () => {
  const owner = newOwner()
  const first = await post(server, 'acquire', 'grant', { owner })
  expect([first.status, first.headers['content-type'], first.headers['cache-control']]).toEqual([
    200,
    'application/json',
    'no-store',
  ])
  expect(first.json).toEqual({
    v: 2,
    response: true,
    owner,
    fencing_token: expect.any(Number),
    lease_ms: 20_000,
    expires_in_ms: 20_000,
    waited_ms: 0,
    confirm: false,
  })
  expect((await post(server, 'acquire', 'grant', { owner })).json).toEqual(first.json)
})

test('a refusal without a wait is "held", names the holders, and takes no place', async () => {
  const info = { who: 'Alice', tab: 3 }
  await post(server, 'acquire', 'held', { owner: newOwner(), info })
  const owner = newOwner()
  const view = { info, mode: 'exclusive', since_ms: expect.any(Number), expires_in_ms: expect.any(Number) }
  for (const asked of [{}, { wait_ms: 0 }, { if_available: true, wait_ms: 1_000 }]) {
    const reply = await post(server, 'acquire', 'held', { owner, ...asked })
    expect(reply.json).toEqual({ v: 2, response: false, owner, reason: 'held', holders: [view] })
  }
  expect((await send(server, '/v1/status/held')).json.waiters).toBe(0)
})

test('a poll that ends without a grant keeps the place, which later polls need not park for', async () => {
  await post(server, 'acquire', 'poll', { owner: newOwner() })
  const owner = newOwner()
  const polled = await post(server, 'acquire', 'poll', { owner, wait_ms: 1 })
  const expected = {
    v: 2,
    response: false,
    owner,
    reason: 'queued',
    position: 1,
    ticket_ms: 5_000,
    holders: [expect.anything()],
  }
  expect(polled.json).toEqual(expected)
  expect((await post(server, 'acquire', 'poll', { owner, wait_ms: 0 })).json).toEqual(expected)
  expect((await post(server, 'acquire', 'poll', { owner: newOwner(), wait_ms: 1 })).json.position).toBe(2)
})

test('heartbeats and releases, with their reasons', async () => {
  const owner = newOwner()
  const granted = await post(server, 'acquire', 'beat', { owner })
  expect((await post(server, 'heartbeat', 'beat', { owner, lease_ms: 30_000 })).json).toEqual({
    v: 2,
    response: true,
    fencing_token: granted.json.fencing_token,
    lease_ms: 30_000,
    expires_in_ms: 30_000,
  })
  expect((await post(server, 'release', 'beat', { owner })).json).toEqual({ v: 2, response: true })
  expect((await post(server, 'release', 'beat', { owner })).json).toEqual({ v: 2, response: true })
  expect((await post(server, 'heartbeat', 'beat', { owner })).json).toEqual({
    v: 2,
    response: false,
    reason: 'released',
  })
  const never = newOwner()
  expect((await post(server, 'release', 'beat', { owner: never })).json).toEqual({
    v: 2,
    response: false,
    reason: 'unknown',
  })
  const spent = await post(server, 'acquire', 'beat', { owner: never })
  expect([spent.status, spent.json.type]).toEqual([409, 'urn:lockable:problem:owner-spent'])
})

test('an owner that asks for another mode is in conflict with itself', async () => {
  const owner = newOwner()
  await post(server, 'acquire', 'conflict', { owner })
  const reply = await post(server, 'acquire', 'conflict', { owner, mode: 'shared' })
  expect([reply.status, reply.json.type]).toEqual([409, 'urn:lockable:problem:owner-conflict'])
})

test('the two sides of a safe steal', async () => {
  const owner = newOwner()
  await post(server, 'acquire', 'steal', { owner })
  const thief = { owner: newOwner(), steal: 'safe', info: 'Bob', wait_ms: 1 }
  expect((await post(server, 'acquire', 'steal', thief)).json).toMatchObject({ reason: 'queued', position: 1 })
  expect((await post(server, 'heartbeat', 'steal', { owner })).json).toMatchObject({
    response: true,
    ending: 'stolen',
    successor: { info: 'Bob' },
  })
  expect((await post(server, 'acquire', 'steal', { owner })).json).toMatchObject({ response: true, ending: 'stolen' })
})

test('the status names the holders, but never an owner', async () => {
  const owner = newOwner()
  const waiter = newOwner()
  const granted = await post(server, 'acquire', 'status', { owner, mode: 'shared', info: [1] })
  await post(server, 'acquire', 'status', { owner: waiter, wait_ms: 1 })
  const status = await send(server, '/v1/status/status')
  expect(status.json).toEqual({
    v: 2,
    state: 'held',
    mode: 'shared',
    fencing_token: granted.json.fencing_token,
    holders: [{ info: [1], mode: 'shared', since_ms: expect.any(Number), expires_in_ms: expect.any(Number) }],
    waiters: 1,
  })
  const free = await send(server, '/v1/status/nobody')
  expect(free.json).toEqual({ v: 2, state: 'free', mode: null, fencing_token: null, holders: [], waiters: 0 })
})

test('of many shared holders, the first are listed', async () => {
  for (let holder = 0; holder < 25; holder += 1) {
    await post(server, 'acquire', 'library', { owner: newOwner(), mode: 'shared' })
  }
  expect((await send(server, '/v1/status/library')).json).toHaveProperty('holders.length', 20)
})

test.each([
  [
    { owner: 'a/b+c' },
    'owner must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ -, made afresh for each acquisition; got a string of 5 characters.',
  ],
  [{ owner: 7 }, 'got a number'],
  [{}, 'owner is missing'],
  [{ lease_ms: 499 }, 'lease_ms must be a whole number of ms from 500 to 90000; got 499.'],
  [{ lease_ms: 90_001 }, 'got 90001'],
  [{ lease_ms: 1_000.5 }, 'got 1000.5'],
  [{ lease_ms: '1000' }, 'got "1000"'],
  [{ lease_ms: null }, 'got null'],
  [{ wait_ms: -1 }, 'wait_ms must be a whole number of ms, 0 or more; got -1.'],
  [{ wait_ms: 'x'.repeat(99) }, `got "${'x'.repeat(59)}…`],
  [{ mode: 'Shared' }, 'mode must be "exclusive" or "shared"; got "Shared".'],
  [{ if_available: 1 }, 'if_available must be true or false; got 1.'],
  [{ steal: 'later' }, 'steal must be "safe" or "now"; got "later".'],
  [{ info: 'ü'.repeat(512) }, 'info must be JSON of at most 1024 bytes of UTF-8.'],
])('a body with %j is refused with the reason', async (wrong, why) => {
  const body = Object.keys(wrong).length === 0 || 'owner' in wrong ? wrong : { owner: newOwner(), ...wrong }
  const reply = await post(server, 'acquire', 'refused', body)
  expect([reply.status, reply.headers['content-type'], reply.json.type]).toEqual([
    400,
    'application/problem+json',
    'urn:lockable:problem:bad-request',
  ])
  expect(reply.json.detail).toContain(why)
})

test('unknown members are ignored, and info may fill its KiB', async () => {
  const reply = await post(server, 'acquire', 'grown', { owner: newOwner(), info: 'x'.repeat(1_022), colour: 'blue' })
  expect(reply.json.response).toBe(true)
})

test('the service describes itself as it is', async () => {
  expect((await send(server, '/v1')).json).toEqual({
    service: 'lockable',
    v: 2,
    features: [
      ...['classic', 'owned', 'sessions', 'queue', 'claims', 'shared', 'steal', 'info', 'status'],
      ...['locks', 'watch', 'force-release'],
    ],
    limits: {
      min_lease_ms: 500,
      max_lease_ms: 90_000,
      max_wait_ms: 30_000,
      ticket_ms: 5_000,
      name_bytes: 255,
      info_bytes: 1_024,
      body_bytes: 16_384,
      commands: 1_000,
      commands_bytes: 262_144,
      stream_sessions: 64,
      listed_locks: 1_000,
      watch_names: 64,
    },
    store: { kind: 'memory', durable: false, linearizable: true },
    restart: 'forgets',
  })
})
