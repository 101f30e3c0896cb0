import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { type Reply, send } from './http-bench.ts'

let server: LockServer

beforeAll(async () => {
  server = await serve({ port: 0, tokens: ['lk_one', 'lk_two:team', { token: 'lk_three', namespace: 'team' }] })
})

afterAll(() => server.close())

function acquire(name: string, authorization: string | null, headers: Record<string, string> = {}): Promise<Reply> {
  return send(server, `/v1/acquire/${name}`, {
    headers: { ...headers, ...(authorization !== null && { Authorization: authorization }) },
  })
}

function basic(user: string, password: string = ''): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

test('a token is the user name of Basic, as Python sends it, or a Bearer', async () => {
  expect((await acquire('basic', basic('lk_one'))).json).toEqual({ response: true })
  expect((await acquire('bearer', 'Bearer lk_one')).json).toEqual({ response: true })
  expect((await acquire('case', 'bEARER  lk_one')).json).toEqual({ response: true })
})

test('locks live in the namespace of the token', async () => {
  expect((await acquire('shared', 'Bearer lk_one')).json).toEqual({ response: true })
  expect((await acquire('shared', 'Bearer lk_two')).json).toEqual({ response: true })
  expect((await acquire('shared', 'Bearer lk_three')).json).toEqual({ response: false })
})

test.each([
  null,
  '',
  'lk_one',
  'Bearer',
  'Bearer lk_four',
  'Bearer lk_one lk_two',
  'Bearer lk_on',
  'Bearer lk_two:team',
  basic('lk_four'),
  basic('lk_one', 'password'),
  'Basic lk_one',
  'Basic ***',
  `Basic ${Buffer.from('lk_one').toString('base64')}`,
  `Basic ${Buffer.from('lk_one!').toString('base64')}`,
  'Digest lk_one',
])('the credentials %j are not accepted', async (authorization) => {
  const reply = await acquire('refused', authorization)
  expect([reply.status, reply.json.type]).toEqual([401, 'urn:lockable:problem:unauthenticated'])
  expect(reply.headers['www-authenticate']).toBe('Bearer realm="lockable", Basic realm="lockable"')
  expect(reply.body).not.toContain('lk_')
})

test.each([{ Origin: 'http://127.0.0.1' }, { 'Sec-Fetch-Site': 'none' }, { 'Sec-Fetch-Mode': 'navigate' }])(
  'a browser (%j) is not asked for Basic credentials, which it would keep',
  async (headers) => {
    const own = 'Origin' in headers ? { Origin: server.url } : headers
    const reply = await acquire('browser', null, own as Record<string, string>)
    expect([reply.status, reply.headers['www-authenticate']]).toEqual([401, 'Bearer realm="lockable"'])
  },
)

test('all that concerns locks needs a token, in both dialects', async () => {
  for (const operation of ['acquire', 'heartbeat', 'release', 'status']) {
    expect((await send(server, `/v1/${operation}/k`)).status).toBe(401)
  }
  const body = '{"owner":"0123456789012345678901"}'
  const headers = { 'Content-Type': 'application/json' }
  expect((await send(server, '/v1/acquire/k', { method: 'POST', headers, body })).status).toBe(401)
})

test('a token of the list may take over, but not end the leases of others by force', async () => {
  const ask = (path: string, body: object) =>
    send(server, path, {
      method: 'POST',
      headers: { Authorization: 'Bearer lk_one', 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  await acquire('forced', 'Bearer lk_one')
  expect((await ask('/v1/acquire/forced', { owner: 'a'.repeat(22), steal: 'now' })).json).toMatchObject({
    response: true,
  })
  const refused = await ask('/v1/force-release/forced', {})
  expect([refused.status, refused.json.detail]).toEqual([403, expect.stringContaining('"admin" for "forced"')])
})

test('who is asking is looked at before the name and the body', async () => {
  expect((await send(server, '/v1/acquire/100%')).status).toBe(401)
  expect((await send(server, '/v1/acquire/k', { method: 'POST', body: 'x'.repeat(20_000) })).status).toBe(401)
})

test('the description of the service and its health need no token', async () => {
  expect((await send(server, '/v1')).status).toBe(200)
  expect((await send(server, '/healthz')).status).toBe(200)
})

test('an open server takes no notice of tokens', async () => {
  const handler = createHandler()
  const reply = await handler.fetch(
    new Request('http://localhost/v1/acquire/k', { headers: { Authorization: basic('any') } }),
  )
  expect(await reply.json()).toEqual({ response: true })
})

test.each([
  [[], 'empty list'],
  [[''], 'Token 1'],
  [['lk_one', 'with space'], 'Token 2'],
  [['lk_one', ':team'], 'Token 2'],
  [['lk_one', 'lk_one:team'], 'given twice'],
  [[{ token: 'a:b' }], 'Token 1'],
  [[{ token: 'a', namespace: '\n' }], 'namespace of token 1'],
])('the tokens %j are refused', (tokens, why) => {
  expect(() => createHandler({ tokens })).toThrow(why)
})

test('an error about tokens does not show them', () => {
  expect(() => createHandler({ tokens: ['lk_secret lk_secret'] })).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('lk_secret') }),
  )
})
