import { expect, test } from 'vitest'
import { type CapabilityTerms, createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import { createHandler } from '../../src/server/handler.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { asking, fresh } from './asking.ts'

const KEY = createCapabilityKey()

function bench() {
  const clock = new VirtualClock()
  const ask = asking(createHandler({ clock, capabilityKeys: [KEY] }))
  const mint = (terms: Partial<CapabilityTerms>) =>
    mintCapability({ key: KEY, subject: 'alice', prefixes: [''], now: clock.wall(), ...terms })
  return { clock, ask, mint }
}

test('who may hold for so long is told of the end by its heartbeats', async () => {
  const { clock, ask, mint } = bench()
  const token = await mint({ maxHoldMs: 50_000, maxLeaseMs: 30_000 })
  const owner = fresh()
  const granted = await ask('/v1/acquire/k', { token, body: { owner } })
  expect(granted.json).toMatchObject({ response: true, expires_in_ms: 30_000 })
  expect(granted.json.ending).toBeUndefined()
  clock.advance(20_000)
  const renewed = await ask('/v1/heartbeat/k', { token, body: { owner } })
  expect(renewed.json).toMatchObject({ response: true, expires_in_ms: 30_000, ending: 'revoked' })
  clock.advance(30_000)
  const over = await ask('/v1/heartbeat/k', { token, body: { owner } })
  expect(over.json).toEqual({ v: 2, response: false, reason: 'revoked' })
})

test('a session lives no longer at a time than who opens it may hold', async () => {
  const { clock, ask, mint } = bench()
  const token = await mint({ maxHoldMs: 20_000 })
  const [session, owner] = [fresh(), fresh()]
  const commands = [{ op: 'acquire', name: 'k', owner }]
  const body = { session, open: { lease_ms: 60_000 }, seq: 1, commands }
  const ending = [{ owner, name: 'k', reason: 'revoked', expires_in_ms: 20_000 }]
  expect((await ask('/v1/session/commands', { token, body })).json).toMatchObject({ lease_ms: 20_000, ending })
  clock.advance(19_999)
  const standing = await ask('/v1/session/heartbeat', { body: { session } })
  expect(standing.json).toMatchObject({ expires_in_ms: 20_000, ending: [{ expires_in_ms: 1 }], ended: [] })
  clock.advance(1)
  const over = await ask('/v1/session/heartbeat', { body: { session } })
  expect(over.json).toMatchObject({ ending: [], ended: [{ owner, name: 'k', reason: 'revoked' }] })
})

test('who has as many locks as it may is told to come back later, in a session too', async () => {
  const { ask, mint } = bench()
  const token = await mint({ maxLocks: 2, maxWaiters: 1 })
  const acquire = (name: string, body: object = {}) =>
    ask(`/v1/acquire/${name}`, { token, body: { owner: fresh(), ...body } })
  await acquire('one')
  await acquire('two')
  const full = await acquire('three')
  expect([full.status, full.json.type]).toEqual([429, 'urn:lockable:problem:too-many-requests'])
  expect(full.json.detail).toContain('at most 2 holders and waiters of this token')
  const session = fresh()
  const commands = [{ op: 'acquire', name: 'three', owner: fresh() }]
  const reply = await ask('/v1/session/commands', { token, body: { session, open: {}, seq: 1, commands } })
  expect(reply.json.results).toMatchObject([{ problem: { status: 429 } }])
  const other = await mint({ subject: 'bob', maxLocks: 2 })
  const free = await ask('/v1/acquire/three', { token: other, body: { owner: fresh() } })
  expect(free.json).toMatchObject({ response: true })
})
