import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventStream } from '../../src/server/http/event-stream.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import type { Changed } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { Hints } from '../../src/server/watch/hints.ts'
import { newOwner } from '../support/owners.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { HandlerBench, type ObservedStore, observe, post } from './http-bench.ts'
import { ask, type Carried, carried, openStream } from './sessions-http.ts'

let store: ObservedStore
let server: LockServer

beforeAll(async () => {
  store = observe(createMemoryStore())
  server = await serve({ port: 0, store })
})

afterAll(async () => {
  await server.close()
  await store.close()
})

let seq = 0

function commands(session: string, given: unknown[]) {
  seq += 1
  return ask(server, 'commands', { session, open: {}, seq, commands: given })
}

test('over HTTP, events come when they happen, and a client that goes is noticed', async () => {
  const [session, holder, owner] = [newOwner(), newOwner(), newOwner()]
  await post(server, 'acquire', 'live', { owner: holder })
  await commands(session, [{ op: 'acquire', name: 'live', owner }])
  const stream = await openStream(server, [session])
  expect(stream.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  expect(await stream.next()).toBe('beat')
  const releasedAt = performance.now()
  await post(server, 'release', 'live', { owner: holder })
  const granted = await stream.event()
  // A beat comes once a second: an event that waited for one would be later.
  expect(performance.now() - releasedAt).toBeLessThan(500)
  expect(granted).toEqual({
    id: '1',
    epoch: expect.any(Number),
    session,
    type: 'granted',
    owner,
    name: 'live',
    fencing_token: expect.any(Number),
    expires_in_ms: expect.any(Number),
    waited_ms: expect.any(Number),
  })
  const detached = store.next('attendSession:0')
  stream.leave()
  await detached
})

test('over HTTP, something is carried every second while a session waits', async () => {
  const [session, owner] = [newOwner(), newOwner()]
  await post(server, 'acquire', 'beats', { owner: newOwner() })
  await commands(session, [{ op: 'acquire', name: 'beats', owner }])
  const stream = await openStream(server, [session])
  await stream.next()
  for (let beat = 0; beat < 2; beat += 1) {
    const startedAt = performance.now()
    expect(await stream.next()).toBe('beat')
    expect(performance.now() - startedAt).toBeLessThan(1_500)
  }
  stream.leave()
})

test('over HTTP, a stream says goodbye when the server goes away', async () => {
  const own = await serve({ port: 0 })
  const session = newOwner()
  await ask(own, 'commands', { session, open: {}, seq: 1, commands: [] })
  const stream = await openStream(own, [session])
  expect(await stream.next()).toBe('beat')
  const closed = own.close()
  expect([await stream.next(), await stream.next()]).toEqual(['bye', null])
  await closed
})

/** A stream of `sessions` under a virtual clock. */
class StreamBench extends HandlerBench {
  readonly carried: Carried[] = []
  readonly client = new AbortController()
  #seq = 0

  run(session: string, given: unknown[]) {
    this.#seq += 1
    return this.ask('commands', { session, open: {}, seq: this.#seq, commands: given })
  }

  acquire(session: string, owner: string, members: object = {}) {
    return this.run(session, [{ op: 'acquire', name: 'k', owner, ...members }])
  }

  /** Opens a stream and reads it. Resolves when its first news are there. */
  async open(...sessions: string[]): Promise<void> {
    const response = await this.stream(sessions, this.client.signal)
    expect(response.status).toBe(200)
    void this.#read(response)
    await this.settle()
  }

  /** Lets `ms` pass, a beat at a time, since what a timer does takes a while. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(500, left))
      await this.settle()
    }
  }

  /** Until all that is under way has been carried. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** What was carried since the last time, signs of life aside. */
  take(): Carried[] {
    return this.carried.splice(0).filter((each) => each !== 'beat')
  }

  async #read({ body }: Response): Promise<void> {
    if (body === null) throw new Error('no body')
    try {
      for await (const each of carried(body)) this.carried.push(each)
    } catch {
      // Cut.
    }
  }
}

/** What a response carries until its end. */
async function all({ body }: Response): Promise<Carried[]> {
  const parts: Carried[] = []
  if (body !== null) for await (const each of carried(body)) parts.push(each)
  return parts
}

const granted = (owner: string, members: object = {}) => expect.objectContaining({ type: 'granted', owner, ...members })

test('a stream tells on opening how each session stands, and then what is new, each thing once', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder' })
  await bench.acquire('S', 'a')
  await bench.acquire('T', 'b')
  await bench.acquire('S', 'c', { name: 'two' })
  bench.clock.advance(1_000)
  await bench.post('release', { owner: 'holder' })
  bench.clock.advance(2_000)
  await bench.open('S', 'T', 'S')
  const epoch = expect.any(Number)
  const fencing_token = expect.any(Number)
  expect(bench.take()).toEqual([
    {
      id: '1',
      epoch,
      session: 'S',
      type: 'granted',
      owner: 'a',
      name: 'k',
      fencing_token,
      expires_in_ms: 3_000,
      waited_ms: 3_000,
    },
  ])
  await bench.pass(3_000)
  expect(bench.take()).toEqual([
    { id: '2', epoch, session: 'S', type: 'lost', owner: 'a', name: 'k', reason: 'expired' },
    granted('b', { id: '3', session: 'T', expires_in_ms: 5_000, waited_ms: 6_000 }),
  ])
  await bench.ask('heartbeat', { session: 'T', confirm: ['b'] })
  await bench.pass(1_000)
  expect(bench.take()).toEqual([])
  await bench.park({ owner: 'thief', steal: 'safe', wait_ms: 20_000, info: 'Alice' })
  await bench.settle()
  expect(bench.take()).toEqual([
    {
      id: '4',
      epoch,
      session: 'T',
      type: 'ending',
      owner: 'b',
      name: 'k',
      reason: 'stolen',
      expires_in_ms: 59_000,
      successor: { info: 'Alice' },
    },
  ])
  await bench.ask('release', { session: 'S' })
  await bench.pass(1_000)
  expect(bench.take()).toEqual([{ id: '5', epoch, session: 'S', type: 'gone', reason: 'released' }])
  await bench.pass(3_000)
  expect(bench.take()).toEqual([])
})

test('a stream that is opened anew needs nothing of the one before', async () => {
  const bench = new StreamBench()
  await bench.acquire('S', 'a')
  await bench.post('acquire', { owner: 'thief', steal: 'now' })
  for (let time = 0; time < 2; time += 1) {
    await bench.open('S')
    expect(bench.take()).toEqual([expect.objectContaining({ id: '1', type: 'lost', owner: 'a', reason: 'stolen' })])
  }
  await bench.run('S', [{ op: 'release', name: 'k', owner: 'a' }])
  await bench.open('S')
  expect(bench.take()).toEqual([])
})

test('a session that is over, or was never known, is told once, and a stream of nothing else ends', async () => {
  const bench = new StreamBench()
  await bench.ask('release', { session: 'T' })
  const { epoch } = (await bench.run('U', [])).json
  const response = await bench.stream(['S', 'T', 'U'])
  const reading = all(response)
  await bench.settle()
  await bench.ask('release', { session: 'U' })
  await bench.pass(1_000)
  const gone = (await reading).filter((each) => each !== 'beat')
  expect(gone).toEqual([
    { id: '1', epoch: 0, session: 'S', type: 'gone', reason: 'unknown' },
    { id: '2', epoch: 0, session: 'T', type: 'gone', reason: 'unknown' },
    { id: '3', epoch, session: 'U', type: 'gone', reason: 'released' },
  ])
  expect(bench.clock.timers).toBe(0)
})

test('something is carried every second while a session waits, and every 8 s while none does', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder' })
  await bench.run('S', [])
  await bench.open('S')
  expect(bench.carried.splice(0)).toEqual(['beat'])
  await bench.pass(7_500)
  expect(bench.carried).toEqual([])
  await bench.pass(500)
  expect(bench.carried.splice(0)).toEqual(['beat'])
  await bench.acquire('S', 'a')
  for (let second = 0; second < 5; second += 1) {
    await bench.pass(1_000)
    expect(bench.carried.splice(0)).toEqual(['beat'])
  }
  // An event takes nothing from the beats.
  await bench.post('release', { owner: 'holder' })
  await bench.settle()
  expect(bench.carried.splice(0)).toEqual([granted('a')])
})

test('a busy stream beats all the same', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder' })
  await bench.acquire('S', 'waiting')
  await bench.open('S')
  bench.carried.splice(0)
  for (let time = 0; time < 4; time += 1) {
    await bench.acquire('S', `a${time}`, { name: 'two' })
    const thief = { name: 'two', owner: `t${time}` }
    await bench.run('T', [
      { op: 'acquire', ...thief, steal: 'now' },
      { op: 'release', ...thief },
    ])
    await bench.pass(500)
  }
  expect(bench.carried.filter((each) => each === 'beat')).toHaveLength(2)
  expect(bench.take()).toHaveLength(4)
})

test('a stream keeps the places of its sessions, though nobody polls', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder', lease_ms: 60_000 })
  await bench.acquire('S', 'a')
  await bench.open('S')
  await bench.post('acquire', { owner: 'second', wait_ms: 0, if_available: false })
  await bench.acquire('T', 'second')
  await bench.pass(40_000)
  bench.take()
  await bench.post('release', { owner: 'holder' })
  await bench.settle()
  expect(bench.take()).toEqual([granted('a', { waited_ms: 40_000 })])
})

test('when its client has gone, a session is alive for a ticket, and no longer', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder' })
  await bench.acquire('S', 'a')
  await bench.open('S')
  await bench.pass(10_000)
  const detached = bench.store.next('attendSession:0')
  bench.client.abort()
  await detached
  bench.clock.advance(5_000)
  await bench.post('release', { owner: 'holder' })
  expect(await bench.get('/v1/status/k')).toMatchObject({ state: 'free', waiters: 1 })
})

test('a client that was gone before its stream began leaves nothing behind', async () => {
  const bench = new StreamBench()
  await bench.run('S', [])
  bench.client.abort()
  await bench.stream(['S'], bench.client.signal)
  await bench.ask('release', { session: 'S' })
  await bench.settle()
  expect(bench.clock.timers).toBe(0)
})

test('a reader that does not read is cut after 5 s', async () => {
  const bench = new StreamBench()
  await bench.post('acquire', { owner: 'holder' })
  await bench.acquire('S', 'a')
  const response = await bench.stream(['S'], bench.client.signal)
  const detached = bench.store.next('attendSession:0')
  await bench.pass(6_000)
  await detached
  await expect(response.text()).rejects.toThrow('cut')
  await bench.ask('release', { session: 'S' })
  await bench.ask('release', { session: 'T' })
})

test('a reader that cancels has gone, also where no request is aborted', async () => {
  const bench = new StreamBench()
  await bench.run('S', [])
  const response = await bench.stream(['S'])
  const detached = bench.store.next('attendSession:0')
  await response.body?.cancel()
  await detached
})

test('a reader that leaves megabytes unread is cut at once', async () => {
  const event = { id: '1', epoch: 1, session: 'S', type: 'gone', reason: 'released' } as const
  let told = 0
  const response = await eventStream(
    async (tell, signal) => {
      for (; told < 100_000 && !signal.aborted; told += 1) tell(event)
      return 'disconnected'
    },
    { clock: new VirtualClock(), onError: () => undefined, signal: new AbortController().signal },
  )
  expect(told).toBeGreaterThan(10_000)
  expect(told).toBeLessThan(100_000)
  await expect(response.text()).rejects.toThrow('cut')
})

test('a stream ends when the server goes away, and leaves the places as they are', async () => {
  const bench = new StreamBench()
  await bench.run('S', [])
  const response = await bench.stream(['S'])
  await bench.handler.close()
  expect(await response.text()).toBe(':\n\nevent: bye\ndata: {}\n\n')
  const late = await bench.stream(['S'])
  expect(await late.text()).toBe('event: bye\ndata: {}\n\n')
  await bench.ask('release', { session: 'S' })
  expect(bench.clock.timers).toBe(0)
})

test('the store is watched while somebody follows a session, once for all of them', () => {
  const listeners = new Set<(changed: Changed) => void>()
  const watched = createMemoryStore()
  watched.watch = (listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const hints = new Hints(watched, ({ session }) => session)
  const heard: string[] = []
  const leaveFirst = hints.follow('S', () => heard.push('first'))
  const leaveSecond = hints.follow('S', () => heard.push('second'))
  const leaveOther = hints.follow('T', () => heard.push('other'))
  expect(listeners.size).toBe(1)
  const change = (session: string | null) => {
    for (const listener of listeners) listener({ namespace: '', name: 'k', owner: 'a', session })
    return heard.splice(0)
  }
  expect([change('S'), change('T'), change('U'), change(null)]).toEqual([['first', 'second'], ['other'], [], []])
  leaveFirst()
  expect(change('S')).toEqual(['second'])
  leaveSecond()
  expect([change('S'), change('T')]).toEqual([[], ['other']])
  leaveOther()
  expect(listeners.size).toBe(0)
  hints.follow('S', () => heard.push('again'))
  expect(change('S')).toEqual(['again'])
})

test('a page of an allowed origin may read a stream', async () => {
  const origin = 'https://app.example'
  const bench = new StreamBench({ cors: [origin] })
  await bench.run('S', [])
  const response = await bench.stream(['S'], bench.client.signal, { Origin: origin })
  expect(response.headers.get('access-control-allow-origin')).toBe(origin)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await response.body?.getReader().read()).toMatchObject({ done: false })
  bench.client.abort()
})

test('a stream ends when the store cannot be reached any more', async () => {
  const errors: unknown[] = []
  const bench = new StreamBench({ onError: (error) => errors.push(error) })
  await bench.run('S', [])
  const response = await bench.stream(['S'])
  await bench.store.close()
  bench.clock.advance(1_000)
  expect(await response.text()).toBe(':\n\n')
  expect(errors).toEqual([])
})
