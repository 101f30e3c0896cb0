import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { type LockServer, type ServeOptions, serve } from '../../src/server/node.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { newOwner } from '../support/owners.ts'
import { observe, post, send } from './http-bench.ts'
import { ask } from './sessions-http.ts'

/** Requests that are never finished, as far as they are sent. */
const UNFINISHED = {
  'nothing at all': '',
  'half a request line': 'GET /v1/acq',
  'headers without their end': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Pad',
  'a body that is never sent': bodyHead('Content-Length: 9'),
  'half a body': `${bodyHead('Content-Length: 9')}{"own`,
  'a chunk that is never sent': bodyHead('Transfer-Encoding: chunked'),
  'half a chunk': `${bodyHead('Transfer-Encoding: chunked')}9\r\n{"own`,
  'a body to which a refusal came long ago': 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n',
}

function bodyHead(length: string): string {
  return `POST /v1/acquire/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`
}

const REQUEST_TIMEOUT_MS = 300
/** Far more than it should take, and far less than a second look at the same connection. */
const GENEROUS_MS = 10_000

vi.setConfig({ testTimeout: 3 * GENEROUS_MS })

const sockets = new Set<Socket>()
let server: LockServer | undefined

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await server?.close()
  server = undefined
})

async function start(options: ServeOptions): Promise<LockServer> {
  server = await serve({ port: 0, ...options })
  return server
}

/** A connection that has sent `text`. */
async function open({ host, port }: LockServer, text: string): Promise<Socket> {
  const socket = connect(port, host)
  sockets.add(socket)
  // What is not read hides the end.
  socket.on('error', () => undefined).resume()
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

/** Sends something every now and then, so that the connection never looks idle. */
async function drip(socket: Socket): Promise<void> {
  while (!socket.destroyed) {
    socket.write('a')
    await sleep(50)
  }
}

test.each(Object.entries(UNFINISHED))('%s is cut', async (_, text) => {
  const socket = await open(await start({ requestTimeoutMs: REQUEST_TIMEOUT_MS }), text)
  await once(socket, 'close', { signal: AbortSignal.timeout(GENEROUS_MS) })
})

test.each(['headers', 'body'])('a %s that comes a byte at a time is cut, however long it goes on', async (part) => {
  const running = await start({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
  const text = part === 'headers' ? 'GET /healthz HTTP/1.1\r\nX-Pad: ' : bodyHead('Content-Length: 9000')
  const socket = await open(running, text)
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(GENEROUS_MS) })
  const dripping = drip(socket)
  await closed
  await dripping
})

test('a reader that takes nothing of its replies is cut', async () => {
  const running = await start({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
  const session = newOwner()
  const names = Array.from({ length: 1_000 }, (_, index) => `k${index}`)
  for (let first = 0; first < names.length; first += 200) {
    const owners = names.slice(first, first + 200)
    const commands = owners.map((name) => ({ op: 'acquire', name, owner: newOwner(), info: 'x'.repeat(1_000) }))
    expect((await ask(running, 'commands', { session, open: {}, seq: first + 1, commands })).status).toBe(200)
  }
  const query = (seq: number) => JSON.stringify({ session, seq, commands: [{ op: 'query' }] })
  const socket = await open(running, '')
  socket.pause()
  for (let seq = 2_000; seq < 2_020; seq += 1) {
    const body = query(seq)
    socket.write(bodyHead(`Content-Length: ${body.length}`).replace('/v1/acquire/k', '/v1/session/commands') + body)
  }
  // A write is refused once the server has closed.
  await expect
    .poll(() => new Promise((resolve) => socket.write('\r\n', resolve)), { timeout: GENEROUS_MS })
    .toBeInstanceOf(Error)
})

test('a connection is kept between requests', async () => {
  const running = await start({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
  const socket = await open(running, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  await sleep(4 * REQUEST_TIMEOUT_MS)
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(String((await once(socket, 'data'))[0])).toContain('200 OK')
})

test('a request that waits for its turn is not taken for a slow one', async () => {
  const running = await start({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
  await post(running, 'acquire', 'k', { owner: newOwner() })
  const { status, json } = await post(running, 'acquire', 'k', { owner: newOwner(), wait_ms: 4 * REQUEST_TIMEOUT_MS })
  expect([status, json.reason]).toEqual([200, 'queued'])
})

test('500 slow clients keep no other out, and are all cut', async () => {
  const running = await start({ requestTimeoutMs: 1_000 })
  const texts = Object.values(UNFINISHED)
  const slow = await Promise.all(
    Array.from({ length: 500 }, (_, index) => open(running, texts[index % texts.length] ?? '')),
  )
  const cut = Promise.all(slow.map((socket) => once(socket, 'close')))
  const owner = newOwner()
  expect((await post(running, 'acquire', 'k', { owner })).json).toMatchObject({ response: true })
  expect((await post(running, 'heartbeat', 'k', { owner })).json).toMatchObject({ response: true })
  expect((await post(running, 'release', 'k', { owner })).json).toMatchObject({ response: true })
  await cut
})

test('a server with no place left closes the connection that has been idle for longest', async () => {
  const running = await start({ maxConnections: 10 })
  const holder = newOwner()
  await post(running, 'acquire', 'k', { owner: holder })
  const waiting = post(running, 'acquire', 'k', { owner: newOwner(), wait_ms: 30_000 })
  const idle: Socket[] = []
  for (let index = 0; index < 30; index += 1) {
    idle.push(await open(running, index % 2 === 0 ? 'GET' : 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    // Its request has been answered when the next one comes.
    expect((await send(running, '/healthz')).status).toBe(200)
  }
  await expect.poll(() => idle.filter(({ destroyed }) => !destroyed).length).toBeLessThan(10)
  expect(idle.slice(0, 20).every((socket) => socket.destroyed)).toBe(true)
  await post(running, 'release', 'k', { owner: holder })
  expect((await waiting).json).toMatchObject({ response: true })
})

test('a server on which all connections carry a request closes a newcomer, and serves again when one is free', async () => {
  const store = observe(createMemoryStore())
  const running = await start({ maxConnections: 4, store })
  await post(running, 'acquire', 'k', { owner: newOwner() })
  const waiting: Socket[] = []
  for (let isFull = false; !isFull; ) {
    const queued = store.next('acquire:queued')
    const body = JSON.stringify({ owner: newOwner(), wait_ms: 30_000 })
    const socket = await open(running, `${bodyHead(`Content-Length: ${body.length}`)}${body}`)
    isFull = await Promise.race([queued.then(() => false), once(socket, 'close').then(() => true)])
    if (!isFull) waiting.push(socket)
    expect(waiting.length).toBeLessThanOrEqual(4)
  }
  expect(waiting.filter(({ destroyed }) => destroyed)).toEqual([])
  await expect(send(running, '/healthz')).rejects.toThrow()
  waiting[0]?.destroy()
  await expect.poll(() => send(running, '/healthz').catch(() => null)).toMatchObject({ status: 200 })
  await store.close()
})

test('limits that are none are refused', async () => {
  await expect(serve({ port: 0, maxConnections: 1 })).rejects.toThrow(
    'maxConnections must be a whole number, 2 or more; got 1.',
  )
  await expect(serve({ port: 0, requestTimeoutMs: 0.5 })).rejects.toThrow('requestTimeoutMs')
})
