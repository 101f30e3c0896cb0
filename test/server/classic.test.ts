import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LockServer, serve } from '../../src/server/node.ts'
import { newOwner } from '../support/owners.ts'
import { post, send } from './http-bench.ts'

let server: LockServer

beforeAll(async () => {
  server = await serve({ port: 0 })
})

afterAll(() => server.close())

/** What the Python client sends: GET, the name as it is. */
async function classic(operation: string, name: string): Promise<unknown> {
  const reply = await send(server, `/v1/${operation}/${name}`, {
    headers: { Accept: '*/*', 'User-Agent': 'python-requests/2.32.3', Authorization: 'Basic dG9rZW46' },
  })
  expect(reply.status).toBe(200)
  return reply.json.response
}

test('a reply is 200 with a boolean and nothing else, yes or no', async () => {
  const yes = await send(server, '/v1/acquire/bytes')
  expect([yes.status, yes.headers['content-type'], yes.headers['cache-control'], yes.body]).toEqual([
    200,
    'application/json',
    'no-store',
    '{"response":true}',
  ])
  const no = await send(server, '/v1/acquire/bytes')
  expect([no.status, no.body]).toEqual([200, '{"response":false}'])
})

test('acquire, heartbeat and release, and their refusals', async () => {
  expect(await classic('heartbeat', 'cycle')).toBe(false)
  expect(await classic('release', 'cycle')).toBe(false)
  expect(await classic('acquire', 'cycle')).toBe(true)
  expect(await classic('acquire', 'cycle')).toBe(false)
  expect(await classic('heartbeat', 'cycle')).toBe(true)
  expect(await classic('release', 'cycle')).toBe(true)
  expect(await classic('acquire', 'cycle')).toBe(true)
})

test('the name is the rest of the path, and slashes need no encoding', async () => {
  expect(await classic('acquire', 'team/job')).toBe(true)
  expect(await classic('acquire', 'team%2Fjob')).toBe(false)
  expect(await classic('acquire', 'team/job/')).toBe(true)
  expect(await classic('acquire', 'team//job')).toBe(true)
})

test('the name is decoded once, and the query is no part of it', async () => {
  expect(await classic('acquire', 'gr%C3%BC%C3%9Fe%20dich')).toBe(true)
  const status = await send(server, '/v1/status/gr%c3%bc%c3%9fe%20dich')
  expect(status.json.state).toBe('held')
  expect(await classic('acquire', '100%25')).toBe(true)
  expect(await classic('acquire', '100%2525')).toBe(true)
  expect(await classic('acquire', 'query')).toBe(true)
  expect(await classic('acquire', 'query?a=b/c')).toBe(false)
})

test.each([
  ['100%', 'malformed'],
  ['a%2', 'malformed'],
  ['a%zz', 'malformed'],
  ['a%ff', 'malformed'],
  ['', 'empty'],
  ['a%00b', 'control character'],
  ['a%0Ab', 'control character'],
  ['x'.repeat(256), '256 bytes'],
  ['%C3%BC'.repeat(128), '256 bytes'],
  ['a/../b', '"." or ".."'],
  ['a/%2e%2E', '"." or ".."'],
  ['./a', '"." or ".."'],
])('the name %j is refused', async (name, why) => {
  const reply = await send(server, `/v1/acquire/${name}`)
  expect(reply.status).toBe(400)
  expect(reply.json.type).toBe('urn:lockable:problem:bad-name')
  expect(reply.json.detail).toContain(why)
})

test('255 bytes are not too many, and dots within a segment are no dot segments', async () => {
  expect(await classic('acquire', 'x'.repeat(255))).toBe(true)
  expect(await classic('acquire', '...')).toBe(true)
  expect(await classic('acquire', 'a.b/.c/d..')).toBe(true)
})

test('HEAD and prefetches have no effect', async () => {
  const head = await send(server, '/v1/acquire/careful', { method: 'HEAD' })
  expect([head.status, head.headers.allow]).toEqual([405, 'GET, POST'])
  for (const purpose of ['prefetch', 'prefetch;prerender', 'prefetch;anonymous-client-ip']) {
    const reply = await send(server, '/v1/acquire/careful', { headers: { 'Sec-Purpose': purpose } })
    expect(reply.status).toBe(403)
  }
  expect(await classic('acquire', 'careful')).toBe(true)
  await send(server, '/v1/release/careful', { headers: { 'Sec-Purpose': 'prefetch' } })
  await send(server, '/v1/release/careful', { method: 'HEAD' })
  expect(await classic('acquire', 'careful')).toBe(false)
})

test('a lock that has an owner is out of reach', async () => {
  const owner = newOwner()
  await post(server, 'acquire', 'owned', { owner })
  expect(await classic('acquire', 'owned')).toBe(false)
  expect(await classic('heartbeat', 'owned')).toBe(false)
  expect(await classic('release', 'owned')).toBe(false)
  expect((await post(server, 'heartbeat', 'owned', { owner })).json.response).toBe(true)
})

test('an owner cannot renew or release a classic lock', async () => {
  await classic('acquire', 'ownerless')
  const owner = newOwner()
  expect((await post(server, 'heartbeat', 'ownerless', { owner })).json).toEqual({
    v: 2,
    response: false,
    reason: 'unknown',
  })
  expect((await post(server, 'release', 'ownerless', { owner })).json).toEqual({
    v: 2,
    response: false,
    reason: 'unknown',
  })
  expect(await classic('heartbeat', 'ownerless')).toBe(true)
})

test('a heartbeat does not promise a lease whose end a safe steal has fixed', async () => {
  await classic('acquire', 'robbed')
  await post(server, 'acquire', 'robbed', { owner: newOwner(), steal: 'safe', wait_ms: 1 })
  expect(await classic('heartbeat', 'robbed')).toBe(false)
  expect((await send(server, '/v1/status/robbed')).json.state).toBe('held')
  expect(await classic('release', 'robbed')).toBe(true)
})
