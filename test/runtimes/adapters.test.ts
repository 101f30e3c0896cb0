import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { Client, raw } from './adapters-client.ts'
import type { Child } from './child.ts'
import { bun, deno, node, type ScriptRuntime, startProgram } from './script-runtimes.ts'

/** What the handler runs in: `serve()` of the package in each runtime, and what two of them have themselves. */
const ADAPTERS = [
  { name: 'Node, serve()', runtime: node, way: 'listen' },
  { name: 'Deno, serve()', runtime: deno, way: 'listen' },
  { name: 'Bun, serve()', runtime: bun, way: 'listen' },
  { name: 'Deno.serve', runtime: deno, way: 'deno' },
  { name: 'Bun.serve', runtime: bun, way: 'bun' },
] as const

type Way = (typeof ADAPTERS)[number]['way']

/** Longer than a place in the queue is kept for somebody who has gone. */
const TICKET_IS_OVER_MS = 6_000

/** A runtime that cuts silent connections on its own does so sooner; Bun does after 10 s. */
const SILENT_MS = 14_000

/** Longer than a reader may leave something unread, and longer than it takes until that is looked at. */
const UNREAD_MS = 16_000

/** How long it may take a reader that was cut to read what is still on its way. */
const CUT_MS = 20_000

/** More than the buffers of two sockets hold, on the way of what nobody reads. */
const UNREAD_LOCKS = 6_000
const STEALS_A_REQUEST = 200

const INFO = 'x'.repeat(1_000)

const PROBLEM = /urn:lockable:problem:([a-z-]+)/

/** Takes a place in the queue, by a request that waits. Returns how its client leaves. */
interface Leaving {
  readonly name: string
  enter(client: Client): Promise<() => void>
}

const LEAVING: readonly Leaving[] = [
  {
    name: 'abort',
    async enter(client) {
      const leaving = new AbortController()
      void client.wait('k', { signal: leaving.signal }).catch(() => undefined)
      return () => leaving.abort()
    },
  },
  {
    name: 'destroy',
    enter: async (client) =>
      (
        (socket) => () =>
          socket.destroy()
      )(await waitingSocket(client)),
  },
  {
    name: 'end',
    enter: async (client) =>
      (
        (socket) => () =>
          socket.end()
      )(await waitingSocket(client)),
  },
]

function waitingSocket(client: Client): Promise<Socket> {
  return client.connect(raw('POST', `/v1/acquire/${client.nameOf('k')}`, { owner: newOwner(), wait_ms: 30_000 }))
}

async function start(runtime: ScriptRuntime, way: Way, host: string): Promise<{ process: Child; client: Client }> {
  const process = startProgram(runtime, 'serve', [way, host])
  const [line] = await process.line(/^\{"port":\d+\}$/)
  const { port }: { port: number } = JSON.parse(line)
  return { process, client: new Client({ host, port }, '') }
}

function acquire(name: string, owner: string, more: object = {}): object {
  return { op: 'acquire', name, owner, ...more }
}

describe.each(ADAPTERS)('$name', { concurrent: true }, ({ runtime, way }) => {
  let server: Client

  beforeAll(async () => {
    server = (await start(runtime, way, '127.0.0.1')).client
  })

  /** A client with locks of its own, so that tests do not meet. */
  const clientOf = (test: string) => new Client(server.address, test)

  it('a client that aborts, breaks off or closes its half leaves the queue; who came after it gets the lock', async () => {
    await Promise.all(
      LEAVING.map(async (leaving) => {
        const client = clientOf(leaving.name)
        const release = await client.hold('k')
        const leave = await leaving.enter(client)
        await client.untilWaiting('k', 1)
        const next = client.wait('k')
        await client.untilWaiting('k', 2)
        leave()
        await client.untilWaiting('k', 1)
        await release()
        expect(await next).toMatchObject({ response: true })
      }),
    )
  })

  it('a session whose stream breaks off is passed over, and keeps its place', async () => {
    const client = clientOf('left-stream')
    const release = await client.hold('k')
    const session = newOwner()
    await client.commands(session, 1, [acquire(client.nameOf('k'), newOwner())])
    const stream = await client.stream(session)
    expect(await stream.next()).toBe('beat')
    const next = client.wait('k')
    await client.untilWaiting('k', 2)
    stream.leave()
    await sleep(TICKET_IS_OVER_MS)
    await release()
    expect(await next).toMatchObject({ response: true })
    const { json } = await client.commands(session, 2, [{ op: 'sync' }])
    expect(json.results).toMatchObject([{ holds: [], waits: [{ name: client.nameOf('k') }] }])
  })

  it('each event of a stream is there before the next thing happens', async () => {
    const client = clientOf('flush')
    const session = newOwner()
    await client.commands(session, 1, [])
    const stream = await client.stream(session)
    for (let round = 0; round < 5; round += 1) {
      const owner = newOwner()
      const release = await client.hold('k')
      await client.commands(session, 3 * round + 2, [acquire(client.nameOf('k'), owner)])
      await release()
      expect(await stream.event()).toMatchObject({ type: 'granted', owner })
      await client.commands(session, 3 * round + 3, [{ op: 'release', name: client.nameOf('k'), owner }], [owner])
    }
    stream.leave()
  })

  it('a stream on which nothing happens stays open, and a request waits for as long as it may', async () => {
    const client = clientOf('silent')
    const session = newOwner()
    await client.commands(session, 1, [])
    const stream = await client.stream(session)
    await client.hold('held')
    const waiting = client.wait('held', { waitMs: SILENT_MS })
    await sleep(SILENT_MS)
    expect(await waiting).toMatchObject({ response: false, reason: 'queued' })
    const owner = newOwner()
    const release = await client.hold('k')
    await client.commands(session, 2, [acquire(client.nameOf('k'), owner)])
    await release()
    expect(await stream.event()).toMatchObject({ type: 'granted', owner })
    stream.leave()
  })

  it('a stream that nobody reads is cut', async () => {
    const client = clientOf('unread')
    const session = newOwner()
    await client.commands(session, 1, [])
    const reader = await client.connect(raw('POST', '/v1/session/stream', { sessions: [{ session }] }))
    let read = 0
    const name = (index: number) => client.nameOf(`k${index}`)
    const thief = newOwner()
    for (let first = 0; first < UNREAD_LOCKS; first += STEALS_A_REQUEST) {
      const names = Array.from({ length: STEALS_A_REQUEST }, (_, index) => name(first + index))
      const steals = names.map((each) => acquire(each, newOwner(), { steal: 'safe', info: INFO }))
      await client.commands(
        session,
        first + 2,
        names.map((each) => acquire(each, newOwner())),
      )
      await client.commands(thief, first + 1, steals)
    }
    await sleep(UNREAD_MS)
    const closed = once(reader, 'close', { signal: AbortSignal.timeout(CUT_MS) })
    reader.on('data', (chunk: Buffer) => {
      read += chunk.byteLength
    })
    await closed
    expect(read).toBeLessThan(UNREAD_LOCKS * INFO.length)
  })

  it('bodies are read whole, in chunks or not, and refused if they are too large or break off', async () => {
    const client = clientOf('bodies')
    const path = `/v1/acquire/${client.nameOf('k')}`
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n`
    const chunked = (...chunks: string[]) =>
      `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.map((each) => `${each.length.toString(16)}\r\n${each}\r\n`).join('')}`
    const [start, end] = ['{"owner":"', `${newOwner()}"}`]
    expect(await client.answerTo(`${chunked(start, end)}0\r\n\r\n`, /\}/)).toContain('"response":true')
    const large = JSON.stringify({ owner: newOwner(), info: 'x'.repeat(20_000) })
    const told = `${head}Content-Length: ${large.length}\r\n\r\n${large}`
    expect(await client.answerTo(told, PROBLEM)).toContain('body-too-large')
    expect(await client.answerTo(`${chunked(large)}0\r\n\r\n`, PROBLEM)).toContain('body-too-large')
    for (const text of [`${head}Content-Length: 50\r\n\r\n{`, chunked(start)]) {
      const socket = await client.connect(text)
      await client.send('/healthz')
      socket.destroy()
    }
    expect((await client.send('/healthz')).status).toBe(200)
  })

  it('a connection goes on after a refusal', async () => {
    const client = clientOf('kept')
    const path = `/v1/acquire/${client.nameOf('k')}`
    const refused = [raw('POST', path, { owner: 1 }), raw('PUT', path), raw('GET', '/nowhere'), raw('POST', path)]
    const answer = await client.answerTo([...refused, raw('GET', path)].join(''), /"response":/)
    expect([...answer.matchAll(new RegExp(PROBLEM, 'g'))].map(([, code]) => code)).toEqual([
      'bad-request',
      'method-not-allowed',
      'not-found',
      'unsupported-media-type',
    ])
    expect(answer).toContain('"response":true')
  })

  it('requests that are sent at once are answered in order', async () => {
    const client = clientOf('pipelined')
    const path = `/v1/acquire/${client.nameOf('k')}`
    const answer = await client.answerTo(raw('GET', path).repeat(2), /"response":.*"response":/s)
    expect(answer.match(/"response":\w+/g)).toEqual(['"response":true', '"response":false'])
  })

  it('names are read from the path as it was sent', async () => {
    const client = clientOf('paths')
    expect((await client.send('/v1/acquire/paths%2Fa%2Fb')).json).toEqual({ response: true })
    expect((await client.send('/v1/acquire/paths/a/b')).json).toEqual({ response: false })
    expect((await client.send('/v1/acquire/paths/a//b')).json).toEqual({ response: true })
    expect((await client.send('/v1/acquire/paths/100%25')).json).toEqual({ response: true })
    expect((await client.send('/v1/acquire/paths/%F0%9F%94%92')).json).toEqual({ response: true })
    expect((await client.send('/v1/acquire/paths/🔒')).json).toEqual({ response: false })
    for (const path of ['/v1/acquire/paths/100%', '/v1/acquire/paths/%ff', '/v1/acquire/paths/%2e%2e%2fa']) {
      expect(await client.answerTo(raw('GET', path), PROBLEM)).toContain('bad-name')
    }
    // Bun folds dot segments away before anybody sees them, as clients do.
    const dots = await client.answerTo(raw('GET', '/v1/status/paths/a/../b'), /\}$/)
    expect(dots).toContain(way === 'bun' ? '"state":"free"' : 'bad-name')
  })

  it('HEAD has no body, and OPTIONS from nowhere is refused', async () => {
    const client = clientOf('methods')
    const head = await client.send('/healthz', { method: 'HEAD' })
    expect([head.status, head.json, head.headers.get('cache-control')]).toEqual([200, {}, 'no-store'])
    expect((await client.send('/v1/acquire/methods/k', { method: 'HEAD' })).status).toBe(405)
    expect((await client.send('/v1/acquire/methods/k', { method: 'OPTIONS' })).status).toBe(405)
    expect((await client.send('/v1/status/methods/k')).json).toMatchObject({ state: 'free' })
  })

  it('who asks whether to send a body is told to', async () => {
    const client = clientOf('expect')
    const text = raw('POST', `/v1/acquire/${client.nameOf('k')}`, { owner: newOwner() })
    const asked = text.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')
    expect(await client.answerTo(asked, /"response":/)).toMatch(/^HTTP\/1\.1 100 .*"response":true/s)
  })

  it('over IPv6 too, a server that closes answers who waits, ends streams, and lets the process end', async () => {
    const { client, process } = await start(runtime, way, '::1')
    await client.hold('k')
    const session = newOwner()
    await client.commands(session, 1, [])
    const stream = await client.stream(session)
    const waiting = client.wait('k')
    await client.untilWaiting('k', 1)
    process.go()
    expect(await waiting).toMatchObject({ response: false, reason: 'shutdown' })
    expect(await stream.event()).toBe('bye')
    expect(await stream.next()).toBe(null)
    expect(await process.ended).toMatchObject({ code: 0 })
  })
})
