import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WatchEvent } from '../../src/protocol/wire.ts'
import { createAccess, RIGHTS, type Right } from '../../src/server/auth/access.ts'
import { ProblemError } from '../../src/server/http/problem-error.ts'
import { queryOf } from '../../src/server/http/query.ts'
import { createLocks } from '../../src/server/locks.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { Parking } from '../../src/server/owned/parking.ts'
import { newOwner } from '../support/owners.ts'
import { post, send } from './http-bench.ts'
import { carried } from './sessions-http.ts'
import { StoreBench } from './store-bench.ts'

let server: LockServer
/** Its tokens may do all but force. */
let guarded: LockServer

beforeAll(async () => {
  server = await serve({ port: 0 })
  guarded = await serve({ port: 0, tokens: ['lk_a', 'lk_b:other'] })
})

afterAll(async () => {
  await server.close()
  await guarded.close()
})

const FREE = { v: 2, state: 'free', mode: null, fencing_token: null, holders: [], waiters: 0 }

const as = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })

const names = (locks: unknown) => (locks as { name: string }[]).map(({ name }) => name)

test('locks are listed page by page, each as its status tells', async () => {
  for (const name of ['list/b', 'list/a', 'list/ü x', 'other']) {
    await post(server, 'acquire', name, { owner: newOwner(), info: name })
  }
  const { status, headers, json } = await send(server, '/v1/locks?prefix=list%2F&limit=2')
  expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
  const told = await send(server, '/v1/status/list/a')
  const { v: _, holders: __, ...lock } = told.json
  expect(json).toMatchObject({ v: 2, locks: [{ name: 'list/a', ...lock, holders: [{ info: 'list/a' }] }, {}] })
  expect(Object.keys((json.locks as object[])[0] ?? {})).toEqual(['name', ...Object.keys(told.json).slice(1)])
  expect(names(json.locks)).toEqual(['list/a', 'list/b'])
  const cursor = encodeURIComponent(String(json.cursor))
  const rest = await send(server, `/v1/locks?limit=2&prefix=list/&cursor=${cursor}`)
  expect([names(rest.json.locks), rest.json.cursor]).toEqual([['list/ü x'], null])
  expect(names((await send(server, '/v1/locks?prefix=list%2F%C3%BC+x')).json.locks)).toEqual(['list/ü x'])
  expect(names((await send(server, '/v1/locks?what=ever')).json.locks)).toContain('other')
})

test.each([
  ['limit=0', 'limit must be a whole number from 1 to 1000; got "0".'],
  ['limit=1001', 'got "1001"'],
  ['limit=1e2', 'got "1e2"'],
  ['limit=', 'got ""'],
  ['limit', 'got ""'],
  ['limit=1&limit=2', 'limit is there 2 times: give it once.'],
  ['prefix=a&prefix=b', 'prefix is there 2 times'],
  ['prefix=100%', 'The parameter "100%" has a malformed percent-escape'],
  ['cursor=%FF', 'malformed percent-escape'],
])('a list that is asked for with %s is refused with a reason', async (query, detail) => {
  const { status, json } = await send(server, `/v1/locks?${query}`)
  expect([status, json.type]).toEqual([400, 'urn:lockable:problem:bad-request'])
  expect(json.detail).toContain(detail)
})

test('lists, watches and forced releases need a token where there are tokens, and end at the namespace', async () => {
  await send(guarded, '/v1/acquire/theirs', as('lk_b'))
  await send(guarded, '/v1/acquire/ours', as('lk_a'))
  expect(names((await send(guarded, '/v1/locks', as('lk_a'))).json.locks)).toEqual(['ours'])
  expect((await send(guarded, '/v1/locks')).status).toBe(401)
  expect((await send(guarded, '/v1/watch?name=ours')).status).toBe(401)
  const forced = { method: 'POST', body: '{}' }
  const headers = { 'Content-Type': 'application/json' }
  expect((await send(guarded, '/v1/force-release/ours', { ...forced, headers })).status).toBe(401)
  const refused = await send(guarded, '/v1/force-release/ours', {
    ...forced,
    headers: { ...headers, ...as('lk_a').headers },
  })
  expect([refused.status, refused.json.detail]).toEqual([403, expect.stringContaining('the right "admin"')])
  expect((await send(guarded, '/v1/status/ours', as('lk_a'))).json.state).toBe('held')
})

test('other methods are refused with those that there are', async () => {
  for (const [method, path, allowed] of [
    ['POST', '/v1/locks', 'GET, HEAD'],
    ['HEAD', '/v1/watch?name=k', 'GET'],
    ['GET', '/v1/force-release/k', 'POST'],
  ] as const) {
    const { status, headers } = await send(server, path, { method })
    expect([path, status, headers.allow]).toEqual([path, 405, allowed])
  }
  expect((await send(server, '/v1/force-release', { method: 'POST' })).status).toBe(404)
})

function force(name: string, body: unknown) {
  const headers = { 'Content-Type': 'application/json' }
  return send(server, `/v1/force-release/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

test('a forced release fixes the end, or ends at once', async () => {
  const [owner, waiter] = [newOwner(), newOwner()]
  await post(server, 'acquire', 'force/1', { owner })
  const parked = post(server, 'acquire', 'force/1', { owner: waiter, wait_ms: 30_000 })
  await expect.poll(async () => (await send(server, '/v1/status/force/1')).json.waiters).toBe(1)
  expect((await force('force%2F1', {})).json).toEqual({ v: 2, holders: 1 })
  const beat = await post(server, 'heartbeat', 'force/1', { owner })
  expect(beat.json).toMatchObject({ response: true, ending: 'revoked' })
  expect((await force('force/1', { now: true })).json).toEqual({ v: 2, holders: 1 })
  expect((await parked).json).toMatchObject({ response: true, owner: waiter, confirm: true })
  const late = await post(server, 'heartbeat', 'force/1', { owner })
  expect(late.json).toEqual({ v: 2, response: false, reason: 'revoked' })
  expect((await force('force/nobody', { now: true })).json).toEqual({ v: 2, holders: 0 })
})

test.each([
  [{ now: 1 }, 'now must be true or false; got 1.'],
  [[], 'The body must be one JSON object; got an array of 0.'],
])('a forced release with %j is refused with a reason, and does nothing', async (body, detail) => {
  const owner = newOwner()
  await post(server, 'acquire', 'force/2', { owner })
  const { status, json } = await force('force/2', body)
  expect([status, json.detail]).toEqual([400, detail])
  expect((await post(server, 'heartbeat', 'force/2', { owner })).json.ending).toBeUndefined()
  await post(server, 'release', 'force/2', { owner })
})

/** What a watch over HTTP carries, signs of life aside. */
async function* watch(of: LockServer, query: string): AsyncGenerator<WatchEvent | 'bye'> {
  const { body, status } = await fetch(`http://${of.host}:${of.port}/v1/watch?${query}`)
  if (status !== 200 || body === null) throw new Error(String(status))
  for await (const each of carried(body)) {
    if (each !== 'beat') yield each as unknown as WatchEvent | 'bye'
  }
}

test('a watch tells how each lock stands, and then each change', async () => {
  const owner = newOwner()
  const told = watch(server, `${'name=watch%2Fa&'.repeat(65)}name=watch%2Fb`)
  const next = async () => (await told.next()).value
  expect([await next(), await next()]).toEqual([
    { id: '1', name: 'watch/a', ...FREE },
    { id: '2', name: 'watch/b', ...FREE },
  ])
  await post(server, 'acquire', 'watch/b', { owner, info: 'Alice' })
  const status = { state: 'held', mode: 'exclusive', fencing_token: expect.any(Number), waiters: 0 }
  expect(await next()).toMatchObject({ id: '3', name: 'watch/b', v: 2, ...status, holders: [{ info: 'Alice' }] })
  await post(server, 'heartbeat', 'watch/b', { owner })
  const parked = post(server, 'acquire', 'watch/b', { owner: newOwner(), wait_ms: 30_000, info: 'Bob' })
  // A heartbeat is no change.
  expect(await next()).toMatchObject({ id: '4', name: 'watch/b', waiters: 1, holders: [{ info: 'Alice' }] })
  const releasedAt = performance.now()
  await post(server, 'release', 'watch/b', { owner })
  expect(await next()).toMatchObject({ id: '5', waiters: 0, holders: [{ info: 'Bob' }] })
  // The store has hinted at it: a look comes once a second only.
  expect(performance.now() - releasedAt).toBeLessThan(500)
  await parked
  await told.return(undefined)
})

test.each([
  ['', 'bad-request', 'There must be 1 to 64 names, each as name=; got 0.'],
  [Array.from({ length: 65 }, (_, index) => `name=${index}`).join('&'), 'bad-request', 'got 65.'],
  ['name=', 'bad-name', 'must not be empty'],
  ['name=a%2F..%2Fb', 'bad-name', '".."'],
  ['name=%0A', 'bad-name', 'control character'],
])('a watch of %j is refused with a reason', async (query, code, detail) => {
  const { status, json } = await send(server, `/v1/watch?${query}`)
  expect([status, json.type]).toEqual([400, `urn:lockable:problem:${code}`])
  expect(json.detail).toContain(detail)
})

test('a watch says goodbye when the server goes away', async () => {
  const own = await serve({ port: 0 })
  const told = watch(own, 'name=k')
  await told.next()
  const closed = own.close()
  expect((await told.next()).value).toBe('bye')
  await closed
})

test('who may look at some locks only is refused the others', async () => {
  const { store, clock } = new StoreBench()
  const locks = createLocks({ store, clock, parking: new Parking(clock) })
  const access = (right: Right) =>
    createAccess({
      ...{ namespace: '', subject: 'alice', rights: new Set([right]) },
      locks: { names: new Set(['one']), prefixes: ['team/'] },
    })
  const query = (text: string) => queryOf(`http://localhost/?${text}`)
  expect(await locks.list(access('inspect'), query('prefix=team/x'))).toMatchObject({ locks: [] })
  const forbidden = { code: 'forbidden' }
  await expect(locks.list(access('inspect'), query('prefix=tea'))).rejects.toMatchObject(forbidden)
  await expect(locks.list(access('watch'), query('prefix=team/x'))).rejects.toMatchObject(forbidden)
  const watched = (right: Right, names: string) =>
    locks.watch(
      async () => access(right),
      query(names),
      () => undefined,
      AbortSignal.abort(),
    )
  expect(await watched('watch', 'name=one&name=team/a')).toBe('disconnected')
  await expect(watched('watch', 'name=one&name=two')).rejects.toMatchObject(forbidden)
  await expect(watched('inspect', 'name=one')).rejects.toMatchObject(forbidden)
})

/** A watch without HTTP, under a virtual clock. */
class WatchBench extends StoreBench {
  readonly told: (WatchEvent | null)[] = []
  readonly reader = new AbortController()
  readonly #parking = new Parking(this.clock)
  problem: Error | null = null

  open(query: string) {
    const locks = createLocks({ store: this.store, clock: this.clock, parking: this.#parking })
    const access = createAccess({ namespace: '', subject: null, rights: new Set(RIGHTS) })
    const accessNow = async () => {
      if (this.problem !== null) throw this.problem
      return access
    }
    const tell = (event: WatchEvent | null) => this.told.push(event)
    return locks.watch(accessNow, queryOf(`http://localhost/v1/watch?${query}`), tell, this.reader.signal)
  }

  /** Lets so many seconds pass, each with what it brings. */
  async seconds(count: number): Promise<void> {
    for (let second = 0; second < count; second += 1) {
      await this.pass(1_000)
      await new Promise((resume) => setImmediate(resume))
    }
  }
}

test('a watch finds a change of which there was no hint within a second, and lives on silence', async () => {
  const bench = new WatchBench()
  const ended = bench.open('name=k')
  await bench.seconds(1)
  expect(bench.told.splice(0)).toMatchObject([{ id: '1', state: 'free' }])
  await bench.acquire('a')
  await bench.renew('a')
  await bench.seconds(1)
  expect(bench.told.splice(0)).toMatchObject([{ id: '2', state: 'held' }])
  await bench.acquire('b', { steal: 'now' })
  await bench.seconds(1)
  expect(bench.told.splice(0)).toMatchObject([{ id: '3', state: 'held' }])
  await bench.seconds(40)
  const signs = bench.told.splice(0)
  expect(signs.every((each) => each === null)).toBe(true)
  expect(signs.length).toBeGreaterThan(1)
  expect(signs.length).toBeLessThan(8)
  await bench.seconds(20)
  expect(bench.told.at(-1)).toMatchObject({ id: '4', state: 'free' })
  bench.reader.abort()
  expect(await ended).toBe('disconnected')
})

test('a watch ends when its reader may not read it any more, and not because it asks too often', async () => {
  const bench = new WatchBench()
  const ended = bench.open('name=k')
  await bench.seconds(1)
  bench.problem = new ProblemError('too-many-requests', 'Later.')
  await bench.seconds(20)
  await bench.acquire('a')
  await bench.seconds(1)
  expect(bench.told.at(-1)).toMatchObject({ state: 'held' })
  bench.problem = new ProblemError('unauthenticated', 'Revoked.')
  await bench.seconds(16)
  expect(await ended).toBe('gone')
  expect(bench.clock.timers).toBe(1)
})

test('the service says that it has these', async () => {
  const { json } = await send(server, '/v1')
  expect(json.features).toEqual(expect.arrayContaining(['locks', 'watch', 'force-release']))
  expect(json.limits).toMatchObject({ listed_locks: 1_000, watch_names: 64 })
})
