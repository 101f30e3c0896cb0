import { describe, expect, it } from 'vitest'
import type { WireRequest } from '../../src/core/ports.ts'
import type { CommandsRequest } from '../../src/protocol/session.ts'
import { brings, settle, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 10_000
const LONG = 30_000

function world() {
  return new VirtualWorld({ lease: { defaultMs: LEASE } })
}

describe('the pipe of a session', () => {
  it('costs one simple lock no request more: one to acquire, one to release', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    expect(await lease.release()).toBe(true)
    expect(w.requests).toBe(2)
  })

  it('carries 64 concurrent acquires, and their releases, in a handful of requests', async () => {
    const w = world()
    const client = w.client()
    const names = Array.from({ length: 64 }, (_, index) => `lock-${index}`)
    const leases = await Promise.all(names.map((name) => client.acquire(name)))
    expect(new Set(leases.map(({ fencingToken }) => fencingToken)).size).toBe(64)
    await Promise.all(leases.map((lease) => lease.release()))
    expect(w.requests).toBeLessThanOrEqual(4)
  })

  it('gathers what comes while a request is on its way', async () => {
    const w = world()
    const client = w.client()
    w.fault = () => ({ replyDelay: 50 })
    const acquired = [client.acquire('first')]
    await settle()
    for (let index = 0; index < 10; index += 1) acquired.push(client.acquire(`then-${index}`))
    await w.time.advance(200)
    await Promise.all(acquired)
    expect(w.requests).toBe(2)
  })

  it('opens the session with the first request only, and seq grows with each attempt', async () => {
    const w = world()
    const client = w.client({ leaseDuration: LEASE })
    let lost = 0
    w.fault = () => (lost++ === 0 ? { dropReply: true } : {})
    const acquired = client.acquire('a')
    await w.time.until(() => client.types().includes('granted'))
    await (await acquired).release()
    expect(commands(w).map(({ open }) => open !== undefined)).toEqual([true, true, false])
    const seqs = commands(w).map(({ seq }) => seq)
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    expect(new Set(seqs).size).toBe(3)
  })

  it('keeps a thousand locks with one heartbeat', async () => {
    const w = world()
    const client = w.client()
    const leases = await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.acquire(`lock-${index}`)))
    const before = w.requests
    await w.time.advance(LEASE * 3)
    expect(leases.every(({ state }) => state === 'held')).toBe(true)
    const beats = w.requests - before
    expect(beats).toBeGreaterThanOrEqual(6)
    expect(beats).toBeLessThanOrEqual(12)
  })

  it('lets a release overtake an acquire that hangs', async () => {
    const w = world()
    const client = w.client()
    const held = await client.acquire('held')
    w.fault = (request) => (brings('acquire', request) ? { dropRequest: true } : {})
    const hanging = client.acquire('hanging', { timeout: 60_000 }).catch(() => {})
    await w.time.advance(10)
    const released = held.release()
    await w.time.advance(600)
    expect(await released).toBe(true)
    expect(await w.client().status('held')).toMatchObject({ state: 'free' })
    w.fault = () => ({})
    await client.close()
    await hanging
  })

  it('is cut off when nobody waits for the attempt any more', async () => {
    const w = world()
    const client = w.client()
    await (await client.acquire('known')).release()
    w.fault = (request) => (brings('acquire', request) ? { replyDelay: 60_000 } : {})
    const abort = new AbortController()
    const acquired = client.acquire('a', { signal: abort.signal })
    await w.time.advance(100)
    abort.abort()
    await expect(acquired).rejects.toThrow()
    await w.time.advance(10)
    expect(await w.client().status('a')).toMatchObject({ state: 'free', waiters: 0 })
  })
})

describe('a wait in a session', () => {
  it('is told of its turn by a stream, with no poll', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(3_000)
    await held.release()
    await w.time.advance(1)
    const lease = await waited
    expect(lease.state).toBe('held')
    expect(w.operations().filter((operation) => operation === 'POST stream')).toHaveLength(1)
    expect(w.operations().filter((operation) => operation === 'POST acquire')).toHaveLength(2)
  })

  it('shares its stream with all others of the client', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    const held = [await alice.acquire('a'), await alice.acquire('b'), await alice.acquire('c')]
    const waited = ['a', 'b', 'c'].map((name) => bob.acquire(name))
    await w.time.advance(1_000)
    await Promise.all(held.map((lease) => lease.release()))
    await w.time.advance(10)
    await Promise.all(waited)
    expect(w.operations().filter((operation) => operation === 'POST stream')).toHaveLength(1)
  })

  it.each([
    ['is refused', { refuse: true }],
    ['stays silent', { dropReply: true }],
  ])('polls when the stream %s', async (_how, fault) => {
    const w = world()
    w.fault = (request) => (brings('stream', request) ? fault : {})
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(5_000)
    await held.release()
    await w.time.advance(2_500)
    expect((await waited).state).toBe('held')
  })

  it('is confirmed at once, and outlives the claim', async () => {
    const w = new VirtualWorld({ lease: { defaultMs: 60_000 } })
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(1_000)
    await held.release()
    await w.time.advance(10)
    const lease = await waited
    expect(lease.remaining()).toBeGreaterThan(50_000)
    await w.time.advance(6_000)
    expect(lease.state).toBe('held')
  })

  it('ends its stream when nobody waits any more', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(1_000)
    await held.release()
    await w.time.advance(10)
    await (await waited).release()
    const before = w.requests
    await w.time.advance(LEASE * 2)
    expect(w.requests).toBe(before)
  })

  it('that is given up leaves the queue', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    await alice.acquire('a')
    const waited = bob.acquire('a', { timeout: 2_000 })
    const rejected = expect(waited).rejects.toMatchObject({ code: 'timeout' })
    await w.time.advance(2_100)
    await rejected
    expect(await alice.status('a')).toMatchObject({ waiters: 0 })
  })
})

describe('a claim of which little is left', () => {
  it('is confirmed before anybody believes in it', async () => {
    const w = new VirtualWorld({ lease: { defaultMs: 60_000 } })
    const [alice, bob] = [w.client(), w.client()]
    w.fault = (request) => (brings('stream', request) ? { replyDelay: 4_600 } : {})
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(1_000)
    await held.release()
    w.fault = () => ({ replyDelay: 4_600 })
    await w.time.until(() => bob.types().includes('granted'))
    expect(bob.events.find(({ type }) => type === 'granted')).toMatchObject({ claim: false })
    expect((await waited).state).toBe('held')
  })
})

describe('a reply that was made before a lock was held, and is heard after', () => {
  it('does not extend a lock whose end was fixed while it was a claim', async () => {
    const w = world()
    const [holder, client, thief] = [w.client(), w.client(), w.client()]
    const held = await holder.acquire('a')
    const waiting = client.acquire('a')
    await w.time.until(() => client.types().includes('acquire.waiting'))
    const { session } = commands(w).at(-1) ?? {}
    let heartbeats = 0
    w.fault = ({ path, body }) => {
      const told = body as CommandsRequest
      if (told.session !== session) return {}
      if (path.endsWith('/heartbeat')) return heartbeats++ === 0 ? { replyDelay: 1_400 } : {}
      // So that the thief comes before the confirmation does.
      return told.confirm === undefined ? {} : { requestDelay: 400 }
    }
    await w.time.until(() => heartbeats > 0)
    void held.release()
    await w.time.until(() => client.types().includes('granted'))
    const stolen = thief.acquire('a', { steal: 'safe' })
    const lease = await waiting
    await w.time.advance(3_000)
    expect(lease.ending).not.toBe(null)
    expect(lease.remaining()).toBeLessThan(5_000)
    await w.time.until(() => thief.types().includes('granted'))
    expect(lease.state).toBe('lost')
    expect((await stolen).state).toBe('held')
  })
})

describe('the end of a session', () => {
  it('is one request when a page leaves, for all that it holds and waits for', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    await bob.acquire('c')
    const held = [await alice.acquire('a'), await alice.acquire('b')]
    const waited = alice.acquire('c', { timeout: 30_000 })
    const rejected = expect(waited).rejects.toThrow()
    await w.time.advance(100)
    const before = w.requests
    alice.changePage('leaving')
    await settle()
    expect(w.requests - before).toBe(1)
    expect(held.map(({ loss }) => loss?.cause)).toEqual(['frozen', 'frozen'])
    expect(await bob.status('a')).toMatchObject({ state: 'free' })
    expect(await bob.status('b')).toMatchObject({ state: 'free' })
    expect(await bob.status('c')).toMatchObject({ waiters: 0 })
    await alice.close()
    await rejected
  })

  it('at the server ends every lease at once, and what waits queues anew in another', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const others = await bob.acquire('b')
    const waited = alice.acquire('b')
    await w.time.advance(500)
    const [first] = commands(w)
    await bob.acquire('x')
    await endByHand(w, first?.session ?? '')
    await w.time.advance(LEASE)
    expect(held.state).toBe('lost')
    await others.release()
    await w.time.advance(100)
    expect((await waited).state).toBe('held')
    expect(new Set(commands(w).map(({ session }) => session)).size).toBe(3)
  })

  it('that lapsed while the machine slept is noticed by the own clocks, and another one is opened', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    client.machine.sleep()
    await w.time.advance(LEASE * 2)
    client.machine.wake()
    expect(lease.state).toBe('lost')
    await client.machine.catchUp()
    await w.time.advance(100)
    expect((await client.acquire('a')).state).toBe('held')
    expect(new Set(commands(w).map(({ session }) => session)).size).toBe(2)
  })
})

function commands(w: VirtualWorld): CommandsRequest[] {
  return w.sent.flatMap(({ path, body }) => (path.endsWith('/commands') ? [body as CommandsRequest] : []))
}

/** As an operator would, or somebody who stole the secret. */
async function endByHand(w: VirtualWorld, session: string): Promise<void> {
  const send = w.send(w.client().machine)
  await send({ method: 'POST', path: '/v1/session/release', body: { session }, authToken: null }, { timeoutMs: 1_000 })
}

describe('a thread that was blocked for longer than its lease', () => {
  it('loses only what it asks for before its worker could be heard', async () => {
    const w = world()
    const client = w.client()
    const [read, unread] = [await client.acquire('read'), await client.acquire('unread')]
    const secret = commands(w)[0]?.session ?? ''
    client.machine.freeze()
    // As its worker would.
    const worker = w.send(w.client().machine)
    for (let beat = 0; beat < 6; beat += 1) {
      await w.time.advance(LEASE / 2)
      const body = { session: secret }
      await worker({ method: 'POST', path: '/v1/session/heartbeat', body, authToken: null }, { timeoutMs: 1_000 })
    }
    client.machine.wake()
    expect(read.state).toBe('lost')
    await w.time.advance(10)
    expect(await w.client().status('read')).toMatchObject({ state: 'free' })
    expect(await w.client().status('unread')).toMatchObject({ state: 'held' })
    expect(unread.name).toBe('unread')
  })
})

describe('a session in which something goes wrong', () => {
  it('does not ask for who gave up while the token was waited for', async () => {
    const w = world()
    let bring: (token: string) => void = () => {}
    const token = new Promise<string>((resolve) => {
      bring = resolve
    })
    const client = w.client({ authToken: () => token })
    const abort = new AbortController()
    const given = client.acquire('given-up', { signal: abort.signal }).catch(() => {})
    const wanted = client.acquire('wanted')
    await settle()
    abort.abort()
    bring('token')
    await w.time.advance(10)
    await wanted
    await given
    expect(await w.client().status('given-up')).toMatchObject({ state: 'free' })
  })

  it.each([
    ['heartbeats alone fail for a lease', (request: WireRequest) => brings('heartbeat', request)],
    ['nothing gets through for longer than a lease', () => true],
  ])('goes on, or another does, after %s', async (_how, isHit) => {
    // Long enough for commands to renew what heartbeats do not.
    const w = new VirtualWorld({ lease: { defaultMs: LONG } })
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(1_000)
    const cut = w.time.now + LONG * 1.2
    const secret = commands(w).at(-1)?.session ?? ''
    w.fault = (request) =>
      w.time.now < cut && isHit(request) && JSON.stringify(request.body).includes(secret) ? { refuse: true } : {}
    await w.time.advance(LONG * 2)
    await held.release()
    await w.time.advance(3_000)
    const lease = await waited
    await w.time.advance(LONG * 5)
    expect(lease.state).toBe('held')
  })

  it('confirms a claim past a pipe that hangs', async () => {
    const w = new VirtualWorld({ lease: { defaultMs: 60_000 } })
    const [alice, bob] = [w.client(), w.client()]
    const held = await alice.acquire('a')
    const waited = bob.acquire('a')
    await w.time.advance(1_500)
    let isLost = false
    w.fault = (request) => {
      if (isLost || !request.path.endsWith('/commands') || !brings('acquire', request)) return {}
      isLost = true
      return { dropRequest: true }
    }
    const hanging = bob.acquire('b')
    await w.time.advance(100)
    await held.release()
    await w.time.advance(10_000)
    expect((await waited).state).toBe('held')
    await w.time.advance(10_000)
    expect((await hanging).state).toBe('held')
  })

  it('gives up on a server that is full, after a few attempts', async () => {
    const w = new VirtualWorld({ limits: { locks: 1 } })
    const client = w.client()
    await client.acquire('a')
    const before = w.requests
    const refused = expect(client.acquire('b')).rejects.toMatchObject({ code: 'server', status: 429 })
    await w.time.advance(5_000)
    await refused
    expect(w.requests - before).toBeLessThan(8)
  })

  it.each([
    ['results', { results: [null] }],
    ['ended', { results: [{}], ended: [null] }],
    ['claims', { results: [{}], claims: [{ owner: 'o', name: 'a' }] }],
    ['a grant', { results: [{ v: 2, response: true, owner: 'o', expires_in_ms: 5_000 }] }],
  ])('refuses a reply whose %s make no sense, by an error that says so', async (_what, wrong) => {
    const w = world()
    const standing = { v: 2, epoch: 1, lease_ms: 5_000, expires_in_ms: 5_000, confirmed: [], claims: [], ending: [] }
    w.answer = () => ({ body: JSON.stringify({ ...standing, ended: [], ...wrong }) })
    const refused = expect(w.client().acquire('a')).rejects.toMatchObject({ code: 'protocol' })
    await w.time.advance(1_000)
    await refused
  })

  it('replaces a stream that has fallen silent', async () => {
    const w = world()
    const [alice, bob] = [w.client(), w.client()]
    await alice.acquire('a')
    w.fault = (request) => (brings('stream', request) ? { dropReply: true } : {})
    const waited = bob.acquire('a', { timeout: 60_000 })
    await w.time.advance(20_000)
    w.fault = () => ({})
    await w.time.advance(15_000)
    const polls = w.operations().filter((operation) => operation === 'POST acquire').length
    await w.time.advance(9_000)
    expect(w.operations().filter((operation) => operation === 'POST acquire').length - polls).toBeLessThan(3)
    await bob.close()
    await waited.catch(() => {})
  })
})
