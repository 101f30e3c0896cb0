import { expect, test } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import type { HandlerOptions } from '../../src/server/options.ts'

async function ask(
  options: HandlerOptions,
  headers: Record<string, string>,
  method: string = 'GET',
): Promise<Response> {
  const handler = createHandler(options)
  return handler.fetch(new Request('http://localhost:5625/v1/acquire/k', { method, headers }))
}

async function detailOf(reply: Response): Promise<string> {
  const { type, detail } = (await reply.json()) as { type: string; detail: string }
  expect([reply.status, type]).toEqual([403, 'urn:lockable:problem:forbidden'])
  return detail
}

const APP = 'https://app.example'

test.each([APP, 'http://localhost:3000', 'https://localhost', 'null', 'garbage'])(
  'the foreign origin %s is refused, with the way out',
  async (origin) => {
    const detail = await detailOf(await ask({}, { Origin: origin }))
    expect(detail).toContain(JSON.stringify(origin))
    expect(detail).toContain('--cors-origin')
  },
)

test.each(['cross-site', 'same-site'])('a request of another origin (%s) that hides it is refused', async (site) => {
  for (const cors of [[], [APP], ['*']]) {
    expect(await detailOf(await ask({ cors }, { 'Sec-Fetch-Site': site }))).toContain(site)
  }
})

test('requests of the own origin, and those typed into the address bar, are served', async () => {
  expect((await ask({}, { Origin: 'http://localhost:5625', 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200)
  // Behind a proxy that ends TLS.
  expect((await ask({}, { Origin: 'https://localhost:5625' })).status).toBe(200)
  expect((await ask({}, { 'Sec-Fetch-Site': 'none' })).status).toBe(200)
})

test('an allowed origin is served and may read the reply, errors too', async () => {
  const yes = await ask({ cors: [APP] }, { Origin: APP, 'Sec-Fetch-Site': 'cross-site' })
  expect([yes.status, yes.headers.get('access-control-allow-origin'), yes.headers.get('vary')]).toEqual([
    200,
    APP,
    'Origin',
  ])
  expect(yes.headers.get('access-control-expose-headers')).toBe('retry-after')
  expect(yes.headers.get('access-control-allow-credentials')).toBeNull()
  const no = await ask({ cors: [APP], tokens: ['lk_one'] }, { Origin: APP })
  expect([no.status, no.headers.get('access-control-allow-origin')]).toEqual([401, APP])
  await detailOf(await ask({ cors: [APP] }, { Origin: 'https://app.example.evil' }))
})

test('a preflight is answered before any token is asked for', async () => {
  const asked = {
    Origin: APP,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization,content-type',
  }
  const reply = await ask({ cors: [APP], tokens: ['lk_one'] }, asked, 'OPTIONS')
  expect(reply.status).toBe(204)
  expect(Object.fromEntries(reply.headers)).toMatchObject({
    'access-control-allow-origin': APP,
    'access-control-allow-methods': 'GET,POST',
    'access-control-allow-headers': 'authorization,content-type,last-event-id',
    'access-control-max-age': '7200',
    'cache-control': 'no-store',
  })
  await detailOf(await ask({ cors: [APP] }, { ...asked, Origin: 'https://evil.example' }, 'OPTIONS'))
})

test('all origins may be allowed, but not while there are tokens', async () => {
  const reply = await ask({ cors: ['*'] }, { Origin: APP })
  expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([200, APP])
  expect(() => createHandler({ cors: ['*'], tokens: ['lk_one'] })).toThrow('name the origins exactly')
})

test.each(['app.example', 'https://app.example/', 'https://app.example/path', 'HTTPS://app.example', ''])(
  'the origin %j to allow is refused, since no browser would send it',
  (origin) => {
    expect(() => createHandler({ cors: [origin] })).toThrow(JSON.stringify(origin))
  },
)

test.each(['evil.example', 'evil.example:5625', 'localhost.evil.example', '127.0.0.1.evil.example', '', '[::2]:5625'])(
  'the host %j is refused by an open server',
  async (host) => {
    expect(await detailOf(await ask({}, { Host: host }))).toContain('--allow-host')
  },
)

test.each(['localhost', 'LOCALHOST:1', '127.0.0.1:5625', '[::1]:5625', 'locks.example:99', '[fd00::1]'])(
  'the host %j is served',
  async (host) => {
    expect((await ask({ hosts: ['Locks.Example', 'fd00::1'] }, { Host: host })).status).toBe(200)
  },
)

test('with tokens every host is served, unless some are named', async () => {
  const headers = { Host: 'locks.example', Authorization: 'Bearer lk_one' }
  expect((await ask({ tokens: ['lk_one'] }, headers)).status).toBe(200)
  await detailOf(await ask({ tokens: ['lk_one'], hosts: ['other.example'] }, headers))
})

test.each(['https://locks.example', 'locks.example:5625', 'a b', ''])('the host %j to allow is refused', (host) => {
  expect(() => createHandler({ hosts: [host] })).toThrow(JSON.stringify(host))
})
