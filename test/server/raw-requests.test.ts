import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LockServer, serve } from '../../src/server/node.ts'
import { newOwner } from '../support/owners.ts'
import { FUZZ_TIMEOUT_MS, fuzzRuns } from './fuzz-runs.ts'
import { post, send } from './http-bench.ts'

/** What arrives unfinished is cut after so long by a server that gets much of it. */
const REQUEST_TIMEOUT_MS = 200
/** A connection that the server rightly keeps open is left after so long. */
const PATIENCE_MS = 5_000

let server: LockServer
let impatient: LockServer
const errors: unknown[] = []

beforeAll(async () => {
  const options = { port: 0, maxWaitMs: 1, onError: (error: unknown) => errors.push(error) }
  server = await serve(options)
  impatient = await serve({ ...options, requestTimeoutMs: REQUEST_TIMEOUT_MS })
})

afterAll(async () => {
  await Promise.all([server.close(), impatient.close()])
})

/** All that is answered to these bytes, which a connection of its own carries. */
async function answerTo(bytes: string | Uint8Array, to: LockServer = server): Promise<string> {
  const socket = connect(to.port, to.host)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
  const closed = once(socket, 'close').catch(() => undefined)
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  await closed
  return Buffer.concat(chunks).toString('latin1')
}

/** The statuses in an answer. */
function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
}

/** The server does what it is for, and has met no error of its own. */
async function expectWell(which: LockServer = server): Promise<void> {
  const owner = newOwner()
  expect((await post(which, 'acquire', 'well', { owner })).json).toMatchObject({ response: true })
  expect((await post(which, 'release', 'well', { owner })).json).toMatchObject({ response: true })
  expect(errors).toEqual([])
}

const LAST = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
/** What must never be carried out: it is part of a body, or comes after something that nobody can read. */
const SMUGGLED = 'GET /v1/acquire/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'

function toAcquire(headers: string, body: string): string {
  return `POST /v1/acquire/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`
}

function get(headers: string): string {
  return `GET /v1/status/k HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`
}

const CHUNKED = 'Transfer-Encoding: chunked'

/** Requests of which two parsers could think differently, with the status of the refusal. */
const AMBIGUOUS: Readonly<Record<string, readonly [text: string, status: number]>> = {
  'a length and chunks': [toAcquire(`Content-Length: 6\r\n${CHUNKED}`, `0\r\n\r\n${SMUGGLED}`), 400],
  'chunks and a length': [toAcquire(`${CHUNKED}\r\nContent-Length: 6`, `0\r\n\r\n${SMUGGLED}`), 400],
  'two lengths': [toAcquire('Content-Length: 2\r\nContent-Length: 60', `{}${SMUGGLED}`), 400],
  'the same length twice': [toAcquire('Content-Length: 2\r\nContent-Length: 2', `{}${SMUGGLED}`), 400],
  'a list of lengths': [toAcquire('Content-Length: 2, 2', `{}${SMUGGLED}`), 400],
  'a length with a sign': [toAcquire('Content-Length: +2', `{}${SMUGGLED}`), 400],
  'a negative length': [toAcquire('Content-Length: -2', `{}${SMUGGLED}`), 400],
  'a length in hexadecimal': [toAcquire('Content-Length: 0x2', `{}${SMUGGLED}`), 400],
  'a length beyond all numbers': [toAcquire('Content-Length: 99999999999999999999', `{}${SMUGGLED}`), 400],
  'an unknown encoding': [toAcquire('Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`), 400],
  'an encoding after chunks': [toAcquire(`${CHUNKED}, identity`, `0\r\n\r\n${SMUGGLED}`), 400],
  'a space before the colon': [toAcquire('Transfer-Encoding : chunked', `0\r\n\r\n${SMUGGLED}`), 400],
  'a folded header': [toAcquire('X-Long: a\r\n b\r\nTransfer-Encoding:\r\n chunked', `0\r\n\r\n${SMUGGLED}`), 400],
  'a chunk of no size': [toAcquire(CHUNKED, `g\r\n${SMUGGLED}`), 400],
  'a chunk beyond all numbers': [toAcquire(CHUNKED, `fffffffffffffffff\r\n${SMUGGLED}`), 400],
  'a chunk longer than its size': [toAcquire(CHUNKED, `1\r\n{}\r\n0\r\n\r\n${SMUGGLED}`), 400],
  'lines that end in LF alone': [`GET /v1/status/k HTTP/1.1\nHost: localhost\n\n${SMUGGLED}`, 400],
  'a CR in a header': [get(`X: a\rb`) + SMUGGLED, 400],
  'a NUL in a header': [get('X: a\0b') + SMUGGLED, 400],
  'a NUL in the name of a header': [get('X\0: a') + SMUGGLED, 400],
  'a NUL in the path': [`GET /v1/status/\0 HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`, 400],
  'a header without a colon': [get('nothing') + SMUGGLED, 400],
  'a header without a name': [get(': a') + SMUGGLED, 400],
  'a method of no kind': [`G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`, 400],
  'a space in the path': [`GET /v1/status/a b HTTP/1.1\r\nHost: localhost\r\n\r\n${SMUGGLED}`, 400],
  'a version of no kind': [`GET / HTTP/9.9\r\nHost: localhost\r\n\r\n${SMUGGLED}`, 400],
  'the version before all versions': [`GET /v1/status/k\r\n\r\n${SMUGGLED}`, 400],
  'the preface of HTTP/2': [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`, 400],
  TLS: [`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${SMUGGLED}`, 400],
  'headers of 64 KiB': [get(`X: ${'a'.repeat(65_536)}`) + SMUGGLED, 431],
  '5,000 headers': [get(Array.from({ length: 5_000 }, (_, index) => `X-${index}: a`).join('\r\n')) + SMUGGLED, 431],
}

test.each(Object.entries(AMBIGUOUS))('%s: refused, and nothing after it is carried out', async (_, [text, status]) => {
  const [first] = statusesOf(await answerTo(text))
  expect(first).toBe(status)
  expect((await send(server, '/v1/status/smuggled')).json).toMatchObject({ state: 'free' })
  await expectWell()
})

const OWNER = '{"owner":"0123456789abcdefghijkl"}'

/** Unusual, and clear. */
const UNUSUAL: Readonly<Record<string, readonly [text: string, statuses: readonly number[]]>> = {
  'an address with scheme and host': [
    `GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n${LAST}`,
    [200, 200],
  ],
  'an address with a foreign host': [
    `GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n${LAST}`,
    [403, 200],
  ],
  'the address *': [`OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n${LAST}`, [400, 200]],
  'a request for a tunnel': [`CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n${LAST}`, []],
  'a request for WebSockets': [
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
    [200],
  ],
  'a request for HTTP/2': [
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
    [200],
  ],
  'a body that asks whether it may come': [
    toAcquire('Content-Length: 34\r\nExpect: 100-continue', OWNER + LAST),
    [100, 200, 200],
  ],
  'an expectation of no kind': [toAcquire('Content-Length: 34\r\nExpect: miracles', OWNER + LAST), [417, 200]],
  'a body of a byte a chunk': [
    toAcquire(CHUNKED, `${[...OWNER].map((each) => `1\r\n${each}\r\n`).join('')}0\r\n\r\n${LAST}`),
    [200, 200],
  ],
  'too large a body of a byte a chunk': [toAcquire(CHUNKED, `${'1\r\n \r\n'.repeat(17_000)}0\r\n\r\n${LAST}`), [413]],
  'chunks with extensions and trailers': [
    toAcquire(CHUNKED, `22;a=b\r\n${OWNER}\r\n0\r\nX-Trailer: a\r\n\r\n${LAST}`),
    [200, 200],
  ],
  'no host': ['GET /v1/status/k HTTP/1.1\r\n\r\n', [400]],
  'two hosts': [get('Host: other') + LAST, [400, 200]],
  'HTTP/1.0': ['GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n', [200]],
  'blank lines ahead': [`\r\n\r\n${LAST}`, [200]],
  'a hundred requests at once': [get('').replace('\r\n\r\n\r\n', '\r\n\r\n').repeat(100) + LAST, Array(101).fill(200)],
}

test.each(Object.entries(UNUSUAL))('%s: answered as it should be', async (_, [text, statuses]) => {
  expect(statusesOf(await answerTo(text)).slice(0, statuses.length)).toEqual(statuses)
  await expectWell()
})

test('a body in thousands of tiny packets is read', async () => {
  const socket = connect(server.port, server.host).setNoDelay(true)
  const answer = once(socket, 'data')
  for (const character of toAcquire('Content-Length: 34', OWNER)) socket.write(character)
  expect(statusesOf(String((await answer)[0]))).toEqual([200])
  socket.destroy()
})

const line = fc.constantFrom(
  'GET /v1/status/k HTTP/1.1',
  'POST /v1/acquire/k HTTP/1.1',
  'POST /v1/session/commands HTTP/1.1',
  'POST /v1/session/stream HTTP/1.1',
  'HEAD /healthz HTTP/1.0',
  'OPTIONS * HTTP/1.1',
  'CONNECT a:1 HTTP/1.1',
  'GET http://localhost HTTP/1.1',
  'GET',
  'PRI * HTTP/2.0',
  '',
)
const header = fc.constantFrom(
  'Host: localhost',
  'Host:',
  'Host: [',
  'Content-Type: application/json',
  'Content-Length: 2',
  'Content-Length: 0',
  'Content-Length: 1e1',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'Origin: null',
  'Authorization: Basic Og==',
  ' folded',
  ':',
  'Trailer: X',
)
const body = fc.constantFrom('', '{}', OWNER, '2\r\n{}\r\n0\r\n\r\n', '0\r\n\r\n', 'zz\r\n')
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '')
const likeRequest = fc
  .tuple(line, fc.array(header, { maxLength: 6 }), body, lineEnd)
  .map(([first, rest, last, end]) => Buffer.from([first, ...rest, '', last].join(end)))
const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
/** Something like a request with some of its bytes replaced. */
const damaged = fc
  .tuple(likeRequest, fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }))
  .map(([bytes, changes]) => {
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return bytes
  })
const cutOff = fc.tuple(likeRequest, fc.nat(200)).map(([bytes, end]) => bytes.subarray(0, end))

test(
  'no bytes on a connection make the server fail',
  async () => {
    const bytes = fc.oneof(likeRequest, garbage, damaged, cutOff)
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 20, maxLength: 40 }), async (all) => {
        const answers = await Promise.all(
          all.map((each) => answerTo(Buffer.concat([each, Buffer.from(LAST)]), impatient)),
        )
        for (const answer of answers) {
          expect(answer).toMatch(/^(HTTP\/1\.1 |$)/)
          expect(statusesOf(answer).filter((status) => status >= 500)).toEqual([])
        }
        await expectWell(impatient)
      }),
      { numRuns: fuzzRuns(20) },
    )
  },
  FUZZ_TIMEOUT_MS,
)
