import { request } from 'node:http'
import { expect, test } from 'vitest'
import { createAccess, RIGHTS } from '../../src/server/auth/access.ts'
import { neighbourhoodOf } from '../../src/server/auth/address.ts'
import { createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import { DEFAULT_RATES, Limiters } from '../../src/server/auth/limits.ts'
import { RateLimiter } from '../../src/server/auth/rate-limiter.ts'
import { createHandler } from '../../src/server/handler.ts'
import { serve } from '../../src/server/node.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { type Answer, asking, fresh, kindOf } from './asking.ts'

const KEY = createCapabilityKey()

function bench(options: HandlerOptions = {}) {
  const clock = new VirtualClock()
  const handler = createHandler({ clock, tokens: ['lk_one', 'lk_two'], capabilityKeys: [KEY], ...options })
  return { clock, ask: asking(handler) }
}

async function times<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  for (let index = 0; index < count; index += 1) done.push(await act(index))
  return done
}

/** How many of them there were of each kind. */
function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[kindOf(answer)] = (counts[kindOf(answer)] ?? 0) + 1
  return counts
}

test('a bucket holds a burst and fills at its rate', () => {
  const clock = new VirtualClock()
  const limiter = new RateLimiter(clock, { perSecond: 2, burst: 3 })
  expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([0, 0, 0, 500])
  expect(limiter.take('b')).toBe(0)
  clock.advance(499)
  expect(limiter.take('a')).toBeGreaterThan(0)
  clock.advance(1)
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 500])
  clock.advance(3_600_000)
  expect([limiter.take('a', 3), limiter.take('a')]).toEqual([0, 500])
})

test('what costs more than a whole burst is done when the bucket is full, and paid for after', () => {
  const clock = new VirtualClock()
  const limiter = new RateLimiter(clock, { perSecond: 1, burst: 2 })
  expect(limiter.take('a', 5)).toBe(0)
  clock.advance(3_000)
  expect(limiter.take('a')).toBe(1_000)
})

const RATES = { token: { perSecond: 1, burst: 3 } }

test('a token that asks too often is told when to come again; others are not its concern', async () => {
  const { clock, ask } = bench({ rates: RATES })
  const acquire = (token: string) => ask('/v1/acquire/a', { token, body: { owner: fresh() } })
  await times(3, () => acquire('lk_one'))
  const refused = await acquire('lk_one')
  expect([kindOf(refused), refused.status, refused.headers.get('Retry-After')]).toEqual(['too-many-requests', 429, '1'])
  expect((await acquire('lk_two')).status).toBe(200)
  expect(kindOf(await ask('/v1/status/a', { token: 'lk_one' }))).toBe('too-many-requests')
  expect(kindOf(await ask('/v1/acquire/a', { token: 'lk_one' }))).toBe('too-many-requests')
  clock.advance(1_000)
  expect((await acquire('lk_one')).status).toBe(200)
})

test('heartbeats and releases are not counted, in no dialect', async () => {
  const { ask } = bench({ rates: RATES })
  const [owner, session] = [fresh(), fresh()]
  const token = 'lk_one'
  await ask('/v1/acquire/a', { token })
  await ask('/v1/acquire/b', { token, body: { owner } })
  const commands = [{ op: 'acquire', name: 'c', owner: fresh() }]
  const answers = await times(20, async (index) => [
    await ask('/v1/heartbeat/a', { token }),
    await ask('/v1/heartbeat/b', { token, body: { owner } }),
    await ask('/v1/session/commands', { token, body: { session, seq: index, commands: [{ op: 'sync' }] } }),
    await ask('/v1/session/heartbeat', { body: { session } }),
  ])
  expect(tally(answers.flat())).toEqual({ 200: 40, 'session-unknown': 40 })
  expect((await ask('/v1/release/a', { token })).json).toEqual({ response: true })
  expect((await ask('/v1/release/b', { token, body: { owner } })).json).toEqual({ v: 2, response: true })
  expect(kindOf(await ask('/v1/session/commands', { token, body: { session, open: {}, seq: 99, commands } }))).toBe(
    'too-many-requests',
  )
})

test('of a session, the acquires that are too many are refused one by one, and releases are carried out', async () => {
  const { ask } = bench({ rates: { token: { perSecond: 1, burst: 12 } } })
  const owners = [fresh(), fresh(), fresh()]
  const commands = owners.map((owner, index) => ({ op: 'acquire', name: `c${index}`, owner }))
  const body = {
    session: fresh(),
    open: {},
    seq: 1,
    commands: [...commands, { op: 'release', name: 'c0', owner: owners[0] }],
  }
  const { json } = await ask('/v1/session/commands', { token: 'lk_one', body })
  expect(json.results).toMatchObject([
    { response: true },
    { response: true },
    { owner: owners[2], problem: { status: 429 } },
    { response: true },
  ])
})

test('a user with capabilities has less, and has it once for all of them', async () => {
  const { clock, ask } = bench({ rates: { capability: { perSecond: 1, burst: 4 } } })
  const acquire = async (subject: string) => {
    const token = await mintCapability({ key: KEY, subject, locks: ['a'], now: clock.wall() })
    return ask('/v1/acquire/a', { token, body: { owner: fresh() } })
  }
  expect(tally(await times(6, () => acquire('alice')))).toEqual({ 200: 4, 'too-many-requests': 2 })
  expect((await acquire('bob')).status).toBe(200)
})

test('a thousand classic clients of one token, each of which asks ten times a second, meet no limit', () => {
  const clock = new VirtualClock()
  const limiters = new Limiters(clock, DEFAULT_RATES)
  const access = createAccess({ namespace: '', subject: 'list:1', rights: new Set(RIGHTS) })
  for (let tenth = 0; tenth < 600; tenth += 1) {
    for (let client = 0; client < 1_000; client += 1) {
      limiters.ask(access)
      limiters.keep({ remoteAddress: '192.0.2.1' }, access)
    }
    clock.advance(100)
  }
})

test('on an open server nobody is counted', async () => {
  const ask = asking(createHandler({ rates: RATES }))
  expect(tally(await times(20, () => ask('/v1/acquire/a', { from: '192.0.2.1' })))).toEqual({ 200: 20 })
})

test('who tries tokens is told less and less, and whoever has a good one goes on, from there too', async () => {
  const { clock, ask } = bench()
  const guess = (token: string, from: string) => ask('/v1/acquire/a', { token, from })
  expect(tally(await times(40, (index) => guess(`lk_${index}`, '192.0.2.1')))).toEqual({
    unauthenticated: 30,
    'too-many-requests': 10,
  })
  expect((await guess('lk_one', '192.0.2.1')).status).toBe(200)
  expect(kindOf(await guess('lk_40', '192.0.2.1'))).toBe('too-many-requests')
  expect(kindOf(await guess('lk_40', '192.0.2.2'))).toBe('unauthenticated')
  clock.advance(1_000)
  expect(kindOf(await guess('lk_41', '192.0.2.1'))).toBe('unauthenticated')
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:db8::5:6:7:8:9', '2001:db8:0:5::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['unknown', 'unknown'],
])('of IPv6 one stranger has many addresses: %s is %s', (address, neighbourhood) => {
  expect(neighbourhoodOf(address)).toBe(neighbourhood)
})

test('changing the address within a network is no way out', async () => {
  const { ask } = bench()
  await times(30, (index) => ask('/v1/acquire/a', { token: `lk_${index}`, from: `2001:db8::${index}` }))
  expect(kindOf(await ask('/v1/acquire/a', { token: 'lk_30', from: '2001:db8::ff' }))).toBe('too-many-requests')
  expect(kindOf(await ask('/v1/acquire/a', { token: 'lk_30', from: '2001:db9::1' }))).toBe('unauthenticated')
})

test('a request without any token is no try', async () => {
  const { ask } = bench()
  expect(tally(await times(40, () => ask('/v1/acquire/a', { from: '192.0.2.1' })))).toEqual({ unauthenticated: 40 })
})

test('good credentials are served from an address from which others try, however often', async () => {
  const { clock, ask } = bench()
  const [owner, other, session, from, token] = [fresh(), fresh(), fresh(), '192.0.2.1', 'lk_one']
  await ask('/v1/acquire/a', { token, from })
  await ask('/v1/acquire/b', { token, from, body: { owner } })
  const commands = (seq: number, ...asked: object[]) =>
    ask('/v1/session/commands', { token, from, body: { session, open: {}, seq, commands: asked } })
  await commands(1, { op: 'acquire', name: 'c', owner: other })
  const tries = await times(3_100, (index) => ask('/v1/heartbeat/b', { token: `lk_${index}`, body: { owner }, from }))
  expect(tally(tries)).toEqual({ unauthenticated: 30, 'too-many-requests': 3_070 })
  expect((await ask('/v1/heartbeat/a', { token, from })).json).toEqual({ response: true })
  expect((await ask('/v1/heartbeat/b', { token, from, body: { owner } })).json).toMatchObject({ response: true })
  const capability = await mintCapability({ key: KEY, subject: 'alice', locks: ['d'], now: clock.wall() })
  expect((await ask('/v1/acquire/d', { token: capability, from })).json).toEqual({ response: true })
  expect((await ask('/v1/release/a', { token, from })).json).toEqual({ response: true })
  expect((await ask('/v1/release/b', { token, from, body: { owner } })).json).toMatchObject({ response: true })
  expect((await commands(2, { op: 'release', name: 'c', owner: other })).json.results).toMatchObject([
    { response: true },
  ])
}, 30_000)

test('even heartbeats have an end, far above what anybody needs', async () => {
  expect(DEFAULT_RATES.flood.burst).toBeGreaterThanOrEqual(100_000)
  const { ask } = bench({ rates: { flood: { perSecond: 1, burst: 5 } } })
  const beat = () => ask('/v1/session/heartbeat', { body: { session: fresh() }, from: '192.0.2.1' })
  expect(tally(await times(7, beat))).toEqual({ 'session-unknown': 5, 'too-many-requests': 2 })
  const held = () => ask('/v1/heartbeat/a', { token: 'lk_one' })
  expect(tally(await times(7, held))).toEqual({ 200: 5, 'too-many-requests': 2 })
})

test.each([
  { perSecond: 0, burst: 1 },
  { perSecond: 1, burst: 0 },
  { perSecond: Number.NaN, burst: 1 },
])('the rate %j is refused', (token) => {
  expect(() => createHandler({ rates: { token } })).toThrow('rates.token')
})

/** What a server on Node answers to a try with a wrong token, `X-Forwarded-For` as given. */
function tryToken(port: number, forwarded: string): Promise<number | undefined> {
  const headers = { Authorization: 'Bearer lk_wrong', 'X-Forwarded-For': forwarded }
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/v1/acquire/a', headers, agent: false }, (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

test('on Node the address is that of the connection, and behind a proxy the last that the proxy names', async () => {
  const rates = { failures: { perSecond: 0.001, burst: 1 } }
  await using direct = await serve({ port: 0, tokens: ['lk_one'], rates })
  expect(await tryToken(direct.port, '192.0.2.1')).toBe(401)
  expect(await tryToken(direct.port, '192.0.2.2')).toBe(429)
  await using proxied = await serve({ port: 0, tokens: ['lk_one'], rates, behindProxy: true })
  expect(await tryToken(proxied.port, '192.0.2.1')).toBe(401)
  expect(await tryToken(proxied.port, '192.0.2.2')).toBe(401)
  // What comes before the last was written by the client itself.
  expect(await tryToken(proxied.port, '192.0.2.3, 192.0.2.1')).toBe(429)
})
