import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { newOwner } from '../support/owners.ts'
import { type Reply, send } from './http-bench.ts'

let server: LockServer

beforeAll(async () => {
  server = await serve({ port: 0 })
})

afterAll(() => server.close())

const JSON_TYPE = { 'Content-Type': 'application/json' }

function expectProblem(reply: Reply, status: number, code: string, detail: string): void {
  expect([reply.status, reply.headers['content-type'], reply.headers['cache-control']]).toEqual([
    status,
    'application/problem+json',
    'no-store',
  ])
  expect(reply.json).toEqual({
    type: `urn:lockable:problem:${code}`,
    title: expect.any(String),
    status,
    detail: expect.stringContaining(detail),
  })
}

test.each([
  '/',
  '/v2',
  '/v1/',
  '/v1/acquire',
  '/v1/status',
  '/v1/lock/k',
  '/v1/%61cquire/k',
  '//v1/acquire/k',
  '/V1/acquire/k',
])('there is nothing at %s', async (path) => {
  expectProblem(await send(server, path), 404, 'not-found', JSON.stringify(path))
})

test.each([
  ['DELETE', '/v1/acquire/k', 'GET, POST'],
  ['PUT', '/v1/release/k', 'GET, POST'],
  ['OPTIONS', '/v1/heartbeat/k', 'GET, POST'],
  ['POST', '/v1/status/k', 'GET, HEAD'],
  ['POST', '/v1', 'GET, HEAD'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s on %s is no method', async (method, path, allowed) => {
  const reply = await send(server, path, { method })
  expectProblem(reply, 405, 'method-not-allowed', `"${method}"`)
  expect(reply.headers.allow).toBe(allowed)
})

test('what only looks answers HEAD as well', async () => {
  for (const path of ['/v1', '/healthz', '/v1/status/k']) {
    const reply = await send(server, path, { method: 'HEAD' })
    expect([reply.status, reply.body]).toEqual([200, ''])
  }
  expect((await send(server, '/healthz')).json).toEqual({ status: 'ok' })
})

test.each([false, true])('a body is too large beyond 16 KiB (chunked: %s)', async (chunked) => {
  const body = (info: string) => JSON.stringify({ owner: newOwner(), ignored: info })
  const fits = body('x'.repeat(16_384 - body('').length))
  const sent = { method: 'POST', headers: JSON_TYPE, chunked }
  expect((await send(server, '/v1/acquire/size', { ...sent, body: fits })).status).toBe(200)
  expectProblem(await send(server, '/v1/acquire/size', { ...sent, body: `${fits} ` }), 413, 'body-too-large', '16384')
})

test('an address is too long beyond 2,048 characters', async () => {
  const path = `/v1/status/k?${'x'.repeat(2_048 - 13)}`
  expect((await send(server, path)).status).toBe(200)
  expectProblem(await send(server, `${path}x`), 414, 'uri-too-long', '2049')
})

test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp'])(
  'a body of the type %s is not read',
  async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type }
    const owner = newOwner()
    const reply = await send(server, '/v1/acquire/type', { method: 'POST', headers, body: JSON.stringify({ owner }) })
    expectProblem(reply, 415, 'unsupported-media-type', type ?? 'null')
  },
)

test('the type of a body may have parameters', async () => {
  const headers = { 'Content-Type': 'Application/JSON ; charset=utf-8' }
  const body = JSON.stringify({ owner: newOwner() })
  expect((await send(server, '/v1/acquire/parameters', { method: 'POST', headers, body })).status).toBe(200)
})

test.each(['', '{', 'null', '[]', '"text"', '7', '{"owner":}'])('the body %j is no JSON object', async (body) => {
  const reply = await send(server, '/v1/acquire/json', { method: 'POST', headers: JSON_TYPE, body })
  expectProblem(reply, 400, 'bad-request', 'JSON')
})

test('a body that nests deeply is refused, not choked on', async () => {
  const body = `{"owner":"${newOwner()}","info":${'['.repeat(8_000)}${']'.repeat(8_000)}}`
  expectProblem(
    await send(server, '/v1/acquire/deep', { method: 'POST', headers: JSON_TYPE, body }),
    400,
    'bad-request',
    'info',
  )
})

/** A store that fails at each step. */
function failing(error: Error): LockStore {
  const fail = async () => {
    throw error
  }
  return {
    ...createMemoryStore(),
    acquire: fail,
    attend: fail,
    renew: fail,
    release: fail,
    inspect: fail,
    watch: () => fail,
    close: fail,
  }
}

async function ask(store: LockStore, onError?: (error: unknown) => void): Promise<Response> {
  const handler = createHandler({ store, ...(onError && { onError }) })
  return handler.fetch(new Request('http://localhost/v1/acquire/k'))
}

test('a store that cannot be reached is 503 and never a no', async () => {
  const reply = await ask(failing(new StoreUnavailableError('connection refused by db.internal')))
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1'])
  const text = await reply.text()
  expect(JSON.parse(text)).toMatchObject({ type: 'urn:lockable:problem:unavailable' })
  expect(text).not.toContain('db.internal')
})

test('an error of the server is told to its owner and not to the client', async () => {
  const errors: unknown[] = []
  const error = new Error('secret path /etc/passwd')
  const reply = await ask(failing(error), (told) => errors.push(told))
  expect(reply.status).toBe(500)
  expect(await reply.text()).not.toContain('secret')
  expect(errors).toEqual([error])
})
