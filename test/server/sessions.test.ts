import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { newOwner } from '../support/owners.ts'
import { HandlerBench, post, send } from './http-bench.ts'
import { ask } from './sessions-http.ts'

let server: LockServer

beforeAll(async () => {
  server = await serve({ port: 0, lease: { minMs: 500, maxMs: 90_000 } })
})

afterAll(() => server.close())

let seq = 0

/** Commands of a session that is opened by them, under the next `seq`. */
function commands(session: string, given: unknown[], members: object = {}) {
  seq += 1
  return ask(server, 'commands', { session, open: {}, seq, commands: given, ...members })
}

const standing = { v: 2, epoch: expect.any(Number), lease_ms: 60_000, expires_in_ms: 60_000 }
const nothing = { confirmed: [], claims: [], ending: [], ended: [] }
const problem = (type: string) => expect.objectContaining({ type: `urn:lockable:problem:${type}` })

test('commands are carried out in order, and answered as the single endpoints would', async () => {
  const [session, owner, other] = [newOwner(), newOwner(), newOwner()]
  const reply = await commands(session, [
    { op: 'acquire', name: 'wire/1', owner, info: 'Alice' },
    { op: 'acquire', name: 'wire/1', owner: other, if_available: true },
    { op: 'query', prefix: 'wire/' },
    { op: 'sync' },
    { op: 'release', name: 'wire/1', owner },
    { op: 'release', name: 'wire/1', owner },
    { op: 'acquire', name: 'wire/1', owner: other },
  ])
  const grant = {
    v: 2,
    response: true,
    fencing_token: expect.any(Number),
    lease_ms: 60_000,
    expires_in_ms: 60_000,
    waited_ms: 0,
    confirm: false,
  }
  const holders = [{ info: 'Alice', mode: 'exclusive', since_ms: 0, expires_in_ms: 60_000 }]
  expect(reply.status).toBe(200)
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(reply.json).toEqual({
    ...standing,
    ...nothing,
    results: [
      { ...grant, owner },
      { v: 2, response: false, owner: other, reason: 'held', holders },
      { v: 2, locks: [{ name: 'wire/1', holders, waiters: 0 }], truncated: false },
      { v: 2, holds: [{ owner, name: 'wire/1', fencing_token: expect.any(Number) }], waits: [] },
      { v: 2, response: true, owner },
      { v: 2, response: true, owner },
      { ...grant, owner: other },
    ],
  })
})

test('an acquire that must wait is answered at once, and claimed and confirmed later', async () => {
  const [session, holder, owner] = [newOwner(), newOwner(), newOwner()]
  await post(server, 'acquire', 'queue', { owner: holder })
  const queued = await commands(session, [{ op: 'acquire', name: 'queue', owner }], { open: { lease_ms: 30_000 } })
  expect(queued.json).toMatchObject({
    lease_ms: 30_000,
    results: [{ v: 2, response: false, owner, reason: 'queued', position: 1, ticket_ms: 5_000, holders: [{}] }],
  })
  await post(server, 'release', 'queue', { owner: holder })
  const beat = await ask(server, 'heartbeat', { session })
  expect(beat.json).toEqual({
    ...standing,
    ...nothing,
    lease_ms: 30_000,
    expires_in_ms: 30_000,
    claims: [
      {
        owner,
        name: 'queue',
        fencing_token: expect.any(Number),
        expires_in_ms: expect.any(Number),
        waited_ms: expect.any(Number),
      },
    ],
  })
  const confirmed = await ask(server, 'heartbeat', { session, confirm: [owner, newOwner()] })
  expect(confirmed.json).toMatchObject({ confirmed: [owner], claims: [] })
  expect((await commands(session, [], { confirm: [owner] })).json).toMatchObject({ confirmed: [owner] })
})

test('ends and fixed ends are in every reply', async () => {
  const [session, owner, lost] = [newOwner(), newOwner(), newOwner()]
  await commands(session, [
    { op: 'acquire', name: 'ending', owner },
    { op: 'acquire', name: 'lost', owner: lost },
  ])
  await post(server, 'acquire', 'ending', { owner: newOwner(), steal: 'safe', wait_ms: 1, info: 'Bob' })
  await post(server, 'acquire', 'lost', { owner: newOwner(), steal: 'now' })
  const beat = await ask(server, 'heartbeat', { session })
  expect(beat.json).toMatchObject({
    ending: [
      { owner, name: 'ending', reason: 'stolen', expires_in_ms: expect.any(Number), successor: { info: 'Bob' } },
    ],
    ended: [{ owner: lost, name: 'lost', reason: 'stolen' }],
  })
  const released = await commands(session, [{ op: 'release', name: 'lost', owner: lost }])
  expect(released.json).toMatchObject({
    ended: [],
    results: [{ v: 2, response: false, reason: 'stolen', owner: lost }],
  })
})

test('what is wrong with one command does not stop the others', async () => {
  const [session, owner, spent] = [newOwner(), newOwner(), newOwner()]
  await post(server, 'release', 'each', { owner: spent })
  const { status, json } = await commands(session, [
    { op: 'acquire', name: 'each', owner },
    { op: 'acquire', name: 'a/../b', owner },
    { op: 'acquire', name: 7, owner },
    { op: 'acquire', owner },
    { op: 'acquire', name: 'each', owner: 'not an owner' },
    { op: 'acquire', name: 'each' },
    { op: 'acquire', name: 'each', owner, mode: 'mine' },
    { op: 'acquire', name: 'each', owner, mode: 'shared' },
    { op: 'acquire', name: 'each', owner: spent },
    { op: 'acquire', name: 'each', owner, info: 'x'.repeat(1_025) },
    { op: 'release', name: 'each', owner: 7 },
    { op: 'query', prefix: 7 },
    { op: 'steal', name: 'each', owner },
    { owner },
    null,
    [],
    'acquire',
    { op: 'release', name: 'each', owner },
  ])
  expect(status).toBe(200)
  expect(json.results).toEqual([
    expect.objectContaining({ response: true, owner }),
    { v: 2, owner, problem: problem('bad-name') },
    { v: 2, owner, problem: problem('bad-name') },
    { v: 2, owner, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, owner, problem: problem('bad-request') },
    { v: 2, owner, problem: problem('owner-conflict') },
    { v: 2, owner: spent, problem: problem('owner-spent') },
    { v: 2, owner, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, owner, problem: problem('bad-request') },
    { v: 2, owner, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, problem: problem('bad-request') },
    { v: 2, response: true, owner },
  ])
  const details = (json.results as { problem?: { detail: string } }[]).map((result) => result.problem?.detail)
  expect(details.join('\n')).not.toContain('not an owner')
  expect(details).toContain('op must be "acquire", "release", "query" or "sync"; got "steal".')
})

const good = { session: 's', seq: 1, open: {}, commands: [] }

test.each([
  [{ ...good, session: undefined }, 'session is missing.'],
  [{ ...good, session: 'not ok' }, 'session must be 1 to 128 characters'],
  [{ ...good, session: 7 }, 'session must be 1 to 128 characters'],
  [{ ...good, seq: undefined }, 'seq is missing.'],
  [{ ...good, seq: -1 }, 'seq must be a whole number, larger than every one before; got -1.'],
  [{ ...good, seq: 1.5 }, 'got 1.5.'],
  [{ ...good, seq: 2 ** 53 }, 'seq must be'],
  [{ ...good, open: true }, 'open must be an object; got a boolean.'],
  [{ ...good, open: null }, 'open must be an object; got null.'],
  [{ ...good, open: { lease_ms: 1 } }, 'lease_ms must be a whole number of ms from 500 to 90000; got 1.'],
  [{ ...good, open: { info: 'x'.repeat(1_025) } }, 'info must be JSON of at most 1024 bytes'],
  [{ ...good, confirm: 'owner' }, 'confirm must be an array of owners; got a string.'],
  [{ ...good, confirm: ['not ok'] }, 'owner must be 1 to 128 characters'],
  [{ ...good, commands: undefined }, 'commands is missing.'],
  [{ ...good, commands: {} }, 'commands must be an array of 0 to 1000; got an object.'],
  [
    { ...good, commands: Array(1_001).fill({ op: 'sync' }) },
    'commands must be an array of 0 to 1000; got an array of 1001.',
  ],
  [[], 'The body must be one JSON object; got an array of 0.'],
])('the envelope %j is refused as a whole', async (body, detail) => {
  const reply = await ask(server, 'commands', body)
  expect([reply.status, reply.json.type]).toEqual([400, 'urn:lockable:problem:bad-request'])
  expect(reply.json.detail).toContain(detail)
  expect(reply.body).not.toContain('not ok')
})

test.each([
  [{ sessions: [] }, 'sessions must be an array of 1 to 64; got an array of 0.'],
  [{ sessions: Array(65).fill({ session: 's' }) }, 'sessions must be an array of 1 to 64; got an array of 65.'],
  [{ sessions: [{}] }, 'sessions.0.session is missing.'],
  [{ sessions: ['s'] }, 'sessions.0 must be an object; got a string.'],
  [{}, 'sessions is missing.'],
])('the stream %j is refused', async (body, detail) => {
  const reply = await ask(server, 'stream', body)
  expect([reply.status, reply.json.detail]).toEqual([400, detail])
})

test('an attempt that comes late, and a session that is not known, are conflicts', async () => {
  const session = newOwner()
  await commands(session, [], { seq: 9 })
  const late = await commands(session, [], { seq: 9 })
  expect([late.status, late.json]).toEqual([
    409,
    {
      type: 'urn:lockable:problem:seq-spent',
      title: 'A later attempt of this session came before',
      status: 409,
      detail: 'The seq of an attempt must be larger than 9; got 9.',
    },
  ])
  for (const operation of ['commands', 'heartbeat'] as const) {
    const unknown = await ask(server, operation, { session: newOwner(), seq: 1, commands: [] })
    expect([unknown.status, unknown.json]).toEqual([
      409,
      {
        type: 'urn:lockable:problem:session-unknown',
        title: 'This session is not known, or is over',
        status: 409,
        detail: 'This session is not known: open another one, and ask for everything anew with new owners.',
        reason: 'unknown',
      },
    ])
  }
})

test('a session is ended by whoever knows it, with a beacon too, and stays ended', async () => {
  const [session, owner] = [newOwner(), newOwner()]
  await commands(session, [{ op: 'acquire', name: 'beacon', owner }])
  const beacon = await ask(server, 'release', { session }, { headers: { 'Content-Type': 'text/plain;charset=UTF-8' } })
  expect([beacon.status, beacon.json]).toEqual([200, { v: 2, response: true }])
  expect((await ask(server, 'release', { session })).json).toEqual({ v: 2, response: true })
  expect((await send(server, '/v1/status/beacon')).json.state).toBe('free')
  const opened = await commands(session, [])
  expect([opened.status, opened.json.reason]).toEqual([409, 'released'])
  expect((await ask(server, 'heartbeat', { session })).json.reason).toBe('released')
  expect((await ask(server, 'release', { session: newOwner() })).json).toEqual({
    v: 2,
    response: false,
    reason: 'unknown',
  })
})

test.each(['commands', 'heartbeat', 'stream'] as const)('%s takes JSON only', async (operation) => {
  const reply = await ask(server, operation, {}, { headers: { 'Content-Type': 'text/plain' } })
  expect(reply.status).toBe(415)
})

test('the paths take POST only, and say so in a problem', async () => {
  for (const operation of ['commands', 'heartbeat', 'stream', 'release']) {
    const reply = await send(server, `/v1/session/${operation}`)
    expect([reply.status, reply.headers.allow, reply.json.type]).toEqual([
      405,
      'POST',
      'urn:lockable:problem:method-not-allowed',
    ])
  }
  expect((await send(server, '/v1/session/other', { method: 'POST' })).status).toBe(404)
})

test('commands may be 256 KiB, and the others 16', async () => {
  const session = newOwner()
  const long = { filler: 'x'.repeat(200_000) }
  expect((await commands(session, [], long)).status).toBe(200)
  expect((await commands(session, [], { filler: 'x'.repeat(262_144) })).status).toBe(413)
  expect((await ask(server, 'commands', { filler: 'x'.repeat(262_144) }, { chunked: true })).status).toBe(413)
  for (const operation of ['heartbeat', 'stream', 'release'] as const) {
    const reply = await ask(server, operation, { session, ...long })
    expect([reply.status, reply.json.detail]).toEqual([413, expect.stringContaining('the most is 16384')])
  }
})

test('a thousand commands are answered, and more queries than one are not', async () => {
  const results = (await commands(newOwner(), Array(1_000).fill({ op: 'query' }))).json.results as object[]
  expect(results).toHaveLength(1_000)
  expect(results.filter((result) => 'locks' in result)).toHaveLength(1)
  expect(results.at(-1)).toEqual({ v: 2, problem: problem('too-many-requests') })
})

test('commands need a token, and what needs only the secret does not', async () => {
  const own = await serve({ port: 0, tokens: ['lk_one', 'lk_two:team'] })
  const [session, owner] = [newOwner(), newOwner()]
  const body = { session, open: {}, seq: 1, commands: [{ op: 'acquire', name: 'k', owner }] }
  const as = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })
  expect((await ask(own, 'commands', body)).status).toBe(401)
  expect((await ask(own, 'commands', body, as('lk_one'))).json).toMatchObject({ results: [{ response: true }] })
  const foreign = await ask(own, 'commands', { ...body, seq: 2 }, as('lk_two'))
  expect([foreign.status, foreign.json.reason]).toEqual([409, 'unknown'])
  expect((await ask(own, 'heartbeat', { session })).status).toBe(200)
  const page = { headers: { Origin: 'https://evil.example' } }
  for (const operation of ['commands', 'heartbeat', 'stream', 'release'] as const) {
    expect((await ask(own, operation, { session }, page)).status).toBe(403)
  }
  expect((await ask(own, 'release', { session })).json).toEqual({ v: 2, response: true })
  await own.close()
})

test('a namespace that is full of sessions answers 429, and those that are there go on', async () => {
  const bench = createHandler({ limits: { sessions: 1 } })
  const post = async (body: object) =>
    bench.fetch(
      new Request('http://localhost/v1/session/commands', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ open: {}, commands: [], ...body }),
      }),
    )
  expect((await post({ session: 'one', seq: 1 })).status).toBe(200)
  const full = await post({ session: 'two', seq: 1 })
  expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await post({ session: 'one', seq: 2 })).status).toBe(200)
})

test('a limit that an acquire meets is its own problem', async () => {
  const bench = new HandlerBench({ limits: { ownersPerLock: 1 } })
  const acquire = (owner: string) => ({ op: 'acquire', name: 'k', owner })
  const { status, json } = await bench.ask('commands', {
    session: 's',
    open: {},
    seq: 1,
    commands: [acquire('a'), acquire('b')],
  })
  expect([status, json.results]).toEqual([
    200,
    [expect.objectContaining({ response: true }), { v: 2, owner: 'b', problem: problem('too-many-requests') }],
  ])
})

test('a server that goes away carries out releases and heartbeats, and no acquires', async () => {
  const bench = new HandlerBench()
  const body = { session: 's', open: {}, confirm: [] }
  const acquire = (name: string, owner: string) => ({ op: 'acquire', name, owner })
  await bench.ask('commands', { ...body, seq: 1, commands: [acquire('k', 'a'), acquire('two', 'b')] })
  await bench.handler.close()
  const { json } = await bench.ask('commands', {
    ...body,
    seq: 2,
    commands: [acquire('three', 'c'), { op: 'release', name: 'k', owner: 'a' }, acquire('k', 'd'), { op: 'sync' }],
  })
  const shutdown = { v: 2, response: false, reason: 'shutdown', retry_after_ms: 1_000 }
  expect(json.results).toEqual([
    { ...shutdown, owner: 'c' },
    { v: 2, response: true, owner: 'a' },
    { ...shutdown, owner: 'd' },
    { v: 2, holds: [{ owner: 'b', name: 'two', fencing_token: expect.any(Number) }], waits: [] },
  ])
  expect((await bench.ask('heartbeat', { session: 's' })).status).toBe(200)
  expect((await bench.ask('release', { session: 's' })).json).toEqual({ v: 2, response: true })
})

test('a store that cannot be reached is 503: the outcome is unknown', async () => {
  const bench = new HandlerBench()
  await bench.store.close()
  for (const operation of ['commands', 'heartbeat', 'release', 'stream'] as const) {
    const session = 's'
    const reply = await bench.ask(operation, { session, sessions: [{ session }], open: {}, seq: 1, commands: [] })
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '1'])
  }
})
