import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type LockServer, serve } from '../../src/server/node.ts'
import { newOwner } from '../support/owners.ts'
import { FUZZ_TIMEOUT_MS, fuzzRuns } from './fuzz-runs.ts'
import { post, type Reply, send } from './http-bench.ts'

let server: LockServer
const errors: unknown[] = []

beforeAll(async () => {
  server = await serve({ port: 0, maxWaitMs: 1, onError: (error) => errors.push(error) })
})

afterAll(() => server.close())

/** Characters that a request line may carry. */
const pathCharacter = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))
const rawPath = fc.oneof(
  fc.string({ unit: pathCharacter, maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        '%',
        '%2',
        '%00',
        '%2F',
        '%2e',
        '..',
        '.',
        '/',
        '\\',
        'é'.normalize(),
        '?',
        '#',
        'a',
        '%F0%9F',
        '%ED%A0%80',
      ),
      { maxLength: 12 },
    )
    .map((parts) => encodeHigh(parts.join(''))),
)

function encodeHigh(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
}

const operation = fc.constantFrom(
  'acquire',
  'heartbeat',
  'release',
  'status',
  'force-release',
  'locks',
  'session',
  'x',
  '',
)
const method = fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE')
const headers = fc.dictionary(
  fc.constantFrom(
    'Origin',
    'Host',
    'Content-Type',
    'Authorization',
    'Sec-Fetch-Site',
    'Sec-Purpose',
    'Access-Control-Request-Method',
  ),
  fc.oneof(
    fc.constantFrom(
      'application/json',
      'null',
      'localhost',
      '*',
      'http://localhost',
      'Basic Og==',
      ';',
      '[',
      '[::1]:x',
      ':',
    ),
    fc.string({ unit: pathCharacter, maxLength: 20 }),
  ),
)

/** The refusal is a document of RFC 9457, and says so. */
function expectProblem({ status, headers, json }: Reply): void {
  expect(headers['content-type']).toBe('application/problem+json')
  const { type, title, detail } = json
  expect(json.status).toBe(status)
  expect(type).toMatch(/^urn:lockable:problem:[a-z-]+$/)
  for (const text of [title, detail]) expect(text).toEqual(expect.stringMatching(/^[^\p{Cc}]{1,500}$/u))
}

afterEach(async () => {
  const name = newOwner()
  const owner = newOwner()
  for (const operation of ['acquire', 'heartbeat', 'release'] as const) {
    expect((await post(server, operation, name, { owner })).json).toMatchObject({ response: true })
  }
})

function expectSane(reply: Reply): void {
  expect(reply.status).toBeLessThan(500)
  expect(reply.headers['cache-control']).toBe('no-store')
  if (reply.status >= 400 && reply.body !== '') expectProblem(reply)
  expect(errors).toEqual([])
}

test(
  'no path, method or header makes the server fail',
  async () => {
    await fc.assert(
      fc.asyncProperty(operation, rawPath, method, headers, async (segment, path, verb, given) => {
        expectSane(await send(server, `/v1/${segment}/${path}`, { method: verb, headers: given }))
      }),
      { numRuns: fuzzRuns(400) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

const member = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown[]>(-1, 0, 1.5, 1e308, 2 ** 53, '', null, 'shared', 'safe', true),
)
const body = fc.record(
  {
    owner: fc.oneof(fc.constant('0123456789abcdefghijkl'), member),
    lease_ms: member,
    wait_ms: member,
    mode: member,
    if_available: member,
    steal: member,
    info: member,
  },
  { requiredKeys: [] },
)

test(
  'no body makes the server fail, and no error repeats an owner',
  async () => {
    await fc.assert(
      fc.asyncProperty(operation, body, async (segment, given) => {
        const owner = newOwner()
        const reply = await send(server, `/v1/${segment}/k`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ owner, ...given }),
        })
        expectSane(reply)
        if (reply.status >= 400) expect(reply.body).not.toContain(owner)
      }),
      { numRuns: fuzzRuns(400) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

const sessionOperation = fc.constantFrom('commands', 'heartbeat', 'stream', 'release')
const anyPath = fc.oneof(
  operation.map((segment) => `${segment}/k`),
  sessionOperation.map((segment) => `session/${segment}`),
)
const ownerOrMember = fc.oneof(fc.constantFrom('0123456789abcdefghijkl', 'b', 'c'), member)
const command = fc.oneof(
  member,
  fc.record(
    {
      op: fc.oneof(fc.constantFrom('acquire', 'release', 'query', 'sync'), member),
      name: fc.oneof(fc.constantFrom('k', 'l', '', 'a/../b'), member),
      owner: ownerOrMember,
      mode: fc.oneof(fc.constantFrom('exclusive', 'shared'), member),
      if_available: member,
      steal: fc.oneof(fc.constantFrom('safe', 'now'), member),
      info: member,
      prefix: fc.oneof(fc.constantFrom('', 'k'), member),
    },
    { requiredKeys: [] },
  ),
)
const sessionBody = fc.record(
  {
    open: fc.oneof(fc.record({ lease_ms: member, info: member }, { requiredKeys: [] }), member),
    seq: fc.oneof(fc.nat(), member),
    confirm: fc.oneof(fc.array(ownerOrMember, { maxLength: 4 }), member),
    commands: fc.oneof(fc.array(command, { maxLength: 8 }), member),
    sessions: fc.oneof(fc.array(fc.oneof(fc.record({ session: member }), member), { maxLength: 4 }), member),
  },
  { requiredKeys: [] },
)

test(
  'no request about a session makes the server fail, and none is answered with its secret',
  async () => {
    // One that lives on, and a fresh one that is opened or not known.
    const lasting = newOwner()
    await fc.assert(
      fc.asyncProperty(sessionOperation, sessionBody, fc.boolean(), async (path, given, isFresh) => {
        const session = isFresh ? newOwner() : lasting
        const reply = await send(server, `/v1/session/${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ open: {}, seq: 1, commands: [], session, ...given }),
        })
        expectSane(reply)
        expect(reply.body).not.toContain(session)
      }),
      { numRuns: fuzzRuns(600) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'commands with secrets in the wrong places are answered with none of them',
  async () => {
    const secret = fc.constant(null).map(() => newOwner())
    const member = fc.constantFrom('session', 'seq', 'open', 'confirm', 'commands')
    await fc.assert(
      fc.asyncProperty(secret, member, fc.constantFrom('plain', 'list', 'object'), async (owner, key, form) => {
        const misplaced = form === 'list' ? [[owner]] : { [owner]: owner }
        const body = { session: newOwner(), open: {}, seq: 1, confirm: [], commands: [] }
        const reply = await send(server, '/v1/session/commands', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ ...body, [key]: form === 'plain' && key !== 'seq' ? `${owner} ` : misplaced }),
        })
        expectSane(reply)
        if (key !== 'seq') expect(reply.body).not.toContain(owner)
      }),
      { numRuns: fuzzRuns(100) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'no bytes in a body make the server fail',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyPath, fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (path, bytes, chunked) => {
        const sent = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: bytes, chunked }
        expectSane(await send(server, `/v1/${path}`, sent))
      }),
      { numRuns: fuzzRuns(200) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

const queryValue = fc.oneof(
  fc.constantFrom('0', '1', '-1', '1e3', '1001', '9'.repeat(400), '', '%', '%00', '%ff', '%F0%9F%94%92', 'k', 'a/../b'),
  fc.string({ unit: pathCharacter, maxLength: 20 }),
)
const queryMember = fc.tuple(fc.constantFrom('prefix', 'limit', 'cursor', 'name', 'v', '', '%'), queryValue)
const query = fc
  .array(queryMember, { maxLength: 6 })
  .map((members) => members.map(([name, value]) => `${name}=${value}`).join('&'))

test(
  'no query makes the server fail',
  async () => {
    const path = fc.constantFrom('/v1/locks', '/v1/status/k', '/v1', '/healthz', '/readyz', '/openapi.json')
    await fc.assert(
      fc.asyncProperty(path, query, async (at, given) => {
        expectSane(await send(server, `${at}?${given}`))
      }),
      { numRuns: fuzzRuns(300) },
    )
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'no query makes watching fail',
  async () => {
    const one = fc.constantFrom('name=k', 'name=l')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(query, one), { maxLength: 3 }), async (given) => {
        const watch = new AbortController()
        const url = `${server.url}/v1/watch?${given.join('&')}`
        const { status, headers } = await fetch(url, { signal: watch.signal })
        watch.abort()
        expect(status).toBeLessThan(500)
        expect(headers.get('content-type')).toBe(status < 400 ? 'text/event-stream' : 'application/problem+json')
        expect(errors).toEqual([])
      }),
      { numRuns: fuzzRuns(100) },
    )
  },
  FUZZ_TIMEOUT_MS,
)
