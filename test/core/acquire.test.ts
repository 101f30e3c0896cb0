import { beforeEach, describe, expect, it } from 'vitest'
import { CouldNotAcquireLockError, LockTimeoutError } from '../../src/index.ts'
import { BOTH, brings, settle, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 10_000

let sessions = true

function world() {
  return new VirtualWorld({ sessions, lease: { defaultMs: LEASE } })
}

/** The owners that were asked for, in order and each once. */
function owners(w: VirtualWorld): unknown[] {
  const bodies = w.seen.filter(({ operation }) => operation === 'acquire').map(({ request }) => request.body)
  return [...new Set(bodies.map((body) => (body as { owner: unknown }).owner))]
}

describe.each(BOTH)('an acquire $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('of a free lock is one request, and its release another', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    expect(await lease.release()).toBe(true)
    expect(w.operations()).toEqual(['POST acquire', 'POST release'])
  })

  it('whose reply was lost is repeated with the same owner, and brings the same grant', async () => {
    const w = world()
    let lost = 0
    w.fault = () => (lost++ === 0 ? { dropReply: true } : {})
    const acquired = w.client({ leaseDuration: LEASE }).acquire('a')
    await w.time.advance(LEASE / 2)
    const lease = await acquired
    expect(lease.state).toBe('held')
    expect(owners(w)).toHaveLength(1)
  })

  it('that is aborted in flight leaves nothing held', async () => {
    const w = world()
    const abort = new AbortController()
    w.fault = () => ({ requestDelay: 200, replyDelay: 200 })
    const acquired = w.client().acquire('a', { signal: abort.signal })
    await w.time.advance(300)
    const reason = new Error('the user closed the dialogue')
    abort.abort(reason)
    await expect(acquired).rejects.toBe(reason)
    await w.time.advance(1_000)
    w.fault = () => ({})
    expect(await w.client().status('a')).toMatchObject({ state: 'free', waiters: 0 })
  })

  it('that is overtaken by its own release leaves nothing held', async () => {
    const w = world()
    const other = w.client()
    await (await other.acquire('a')).release()
    const client = w.client()
    await (await client.acquire('known-to-be-owned')).release()
    const abort = new AbortController()
    w.fault = (request) => (brings('acquire', request) ? { requestDelay: 5_000 } : {})
    const acquired = client.acquire('a', { signal: abort.signal })
    await w.time.advance(10)
    abort.abort()
    await expect(acquired).rejects.toThrow()
    await w.time.advance(6_000)
    expect(await other.status('a')).toMatchObject({ state: 'free' })
  })

  it('with an aborted signal asks nobody', async () => {
    const w = world()
    const reason = new Error('too late')
    await expect(w.client().acquire('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(w.seen).toEqual([])
  })

  it('with blocking: false rejects at once, says who holds, and leaves no place in the queue', async () => {
    const w = world()
    const holder = w.client()
    await holder.acquire('a', { info: { name: 'Alice' } })
    const refused = await w
      .client()
      .acquire('a', { blocking: false })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(CouldNotAcquireLockError)
    expect(refused).toMatchObject({ code: 'could-not-acquire', holders: [{ info: { name: 'Alice' } }] })
    expect(await holder.status('a')).toMatchObject({ waiters: 0 })
  })

  it('with a timeout rejects when it has passed, and leaves its place', async () => {
    const w = world()
    const holder = w.client()
    await holder.acquire('a')
    const waited = w.client().acquire('a', { timeout: 3_000 })
    const outcome = waited.catch((error: unknown) => error)
    await w.time.advance(2_999)
    expect(await holder.status('a')).toMatchObject({ waiters: 1 })
    await w.time.advance(1)
    expect(await outcome).toBeInstanceOf(LockTimeoutError)
    expect(await outcome).toMatchObject({ code: 'timeout', timeout: 3_000 })
    await settle()
    expect(await holder.status('a')).toMatchObject({ waiters: 0 })
  })

  it('of a Lock that waits or holds is refused as busy', async () => {
    const w = world()
    const client = w.client()
    const lock = client.lock('a')
    const first = lock.acquire()
    await expect(lock.acquire()).rejects.toMatchObject({ code: 'lock-busy' })
    await first
    await expect(lock.acquire()).rejects.toMatchObject({ code: 'lock-busy' })
    await lock.release()
    expect((await lock.acquire()).state).toBe('held')
  })

  it('retries a server that cannot be reached, and then says so', async () => {
    const w = world()
    w.fault = () => ({ refuse: true })
    const refused = w
      .client()
      .acquire('a')
      .catch((error: unknown) => error)
    await w.time.advance(10_000)
    expect(await refused).toMatchObject({ code: 'network' })
    expect(w.operations().filter((operation) => operation === 'POST acquire')).toHaveLength(3)
  })
})

describe.each(BOTH)('waiting $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('hands the lock over in order, one request parked for each', async () => {
    const w = world()
    const order: string[] = []
    const first = await w.client().acquire('a')
    const waits = ['b', 'c', 'd'].map(async (id) => {
      const lease = await w.client().acquire('a')
      order.push(id)
      await lease.release()
    })
    await w.time.advance(1_000)
    await first.release()
    await w.time.until(() => order.length === 3)
    await Promise.all(waits)
    expect(order).toEqual(['b', 'c', 'd'])
  })

  it('lasts over many polls without losing its place', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const early = w
      .client()
      .acquire('a')
      .then(() => 'early')
    await w.time.advance(90_000)
    const late = w
      .client()
      .acquire('a')
      .then(() => 'late')
    await w.time.advance(30_000)
    await holder.release()
    expect(await Promise.race([early, late])).toBe('early')
    expect(owners(w)).toHaveLength(3)
  })

  it('that ends with a grant has no late heartbeat', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const waiting = w.client()
    const acquired = waiting.acquire('a')
    await w.time.advance(15_000)
    w.fault = ({ path }) => (path.includes('heartbeat') ? { replyDelay: 200 } : {})
    await holder.release()
    await acquired
    await w.time.advance(LEASE)
    expect(waiting.types()).not.toContain('health')
  })

  it('confirms a claim at once, so that it lasts for a whole lease', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const acquired = w.client().acquire('a')
    await w.time.advance(500)
    await holder.release()
    const lease = await acquired
    expect(lease.remaining()).toBeLessThanOrEqual(5_000)
    await w.time.advance(0)
    expect(lease.remaining()).toBeGreaterThan(9_000)
  })

  it('keeps its place through the grace of a server that restarted', async () => {
    const w = new VirtualWorld({ sessions, grace: 30_000 })
    const order: string[] = []
    const first = w.client().acquire('a')
    void first.then(() => order.push('first'))
    await w.time.advance(1_000)
    const second = w
      .client()
      .acquire('a')
      .then(() => order.push('second'))
    await w.time.advance(28_000)
    expect(order).toEqual([])
    await w.time.advance(2_000)
    await (await first).release()
    await w.time.advance(1_000)
    await second
    expect(order).toEqual(['first', 'second'])
  })

  it('ends when the holder dies, by its lease', async () => {
    const w = world()
    const dead = w.client()
    await dead.acquire('a')
    dead.machine.freeze()
    const acquired = w.client().acquire('a')
    await w.time.advance(LEASE + 10)
    expect((await acquired).state).toBe('held')
  })

  it('outlasts a server that does not answer for a while', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const acquired = w.client().acquire('a')
    await w.time.advance(1_000)
    await holder.release()
    await w.time.advance(0)
    await (await acquired).release()
    const again = await w.client().acquire('a')
    const second = w.client().acquire('a')
    await w.time.advance(100)
    w.fault = () => ({ refuse: true })
    await w.time.advance(5_000)
    w.fault = () => ({})
    await w.time.advance(5_000)
    await again.release()
    await w.time.advance(30_000)
    expect((await second).state).toBe('held')
  })

  it('queues anew with another owner when its place was lost', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const waiting = w.client()
    const acquired = waiting.acquire('a')
    await w.time.advance(100)
    waiting.machine.freeze()
    await w.time.advance(60_000)
    waiting.machine.wake()
    await waiting.machine.catchUp()
    await holder.release()
    await w.time.advance(30_000)
    expect((await acquired).state).toBe('held')
  })

  it('counts a grant out of the queue from 98 % of the time that the server parked it', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const waiting = w.client()
    const acquired = waiting.acquire('a')
    await w.time.advance(15_000)
    await holder.release()
    await acquired
    const granted = waiting.events.find((event) => event.type === 'granted')
    expect(granted?.claim).toBe(true)
    const parked = granted?.waitedMs ?? 0
    expect(parked).toBeGreaterThan(14_900)
    const claim = 5_000
    expect(granted?.remainingMs).toBeCloseTo(parked * 0.98 + claim - (claim * 0.02 + 100) - parked, 6)
  })

  it('confirms first where nothing of the claim is certain any more', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    const slow = w.client()
    // The grant is on its way for almost as long as the claim lasts: the heartbeat still finds it.
    w.fault = (request) => (brings('acquire', request) ? { replyDelay: 4_950 } : {})
    const acquired = slow.acquire('a')
    await w.time.advance(6_000)
    await holder.release()
    await w.time.advance(4_950)
    const lease = await acquired
    expect(lease.state).toBe('held')
    expect(lease.remaining()).toBeGreaterThan(LEASE * 0.6)
    // In a session the stream brings the claim in time.
    expect(slow.events.find(({ type }) => type === 'granted')).toMatchObject({ claim: sessions })
  })

  it('queues anew where the claim had run out before it was heard of', async () => {
    const w = world()
    const holder = await w.client().acquire('a')
    w.fault = (request) => (brings('acquire', request) ? { replyDelay: 5_500 } : {})
    const acquired = w.client().acquire('a')
    await w.time.advance(6_000)
    await holder.release()
    await w.time.advance(7_000)
    w.fault = () => ({})
    await w.time.advance(10_000)
    expect((await acquired).state).toBe('held')
  })
})

describe.each(BOTH)('taking over $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('safely leaves the holder its time, tells it, and keeps exclusion', async () => {
    const w = world()
    const alice = w.client()
    const held = await alice.acquire('doc', { info: 'Alice' })
    const taking = w.client().acquire('doc', { steal: 'safe', info: 'Bob' })
    await w.time.until(() => alice.types().includes('ending'))
    expect(held.state).toBe('held')
    expect(held.ending).toEqual({ reason: 'stolen', successor: 'Bob' })
    await w.time.until(() => held.state === 'lost')
    expect(held.loss?.cause).toBe('taken-over')
    const bob = await taking
    expect(bob.state).toBe('held')
    expect(bob.fencingToken).toBeGreaterThan(held.fencingToken ?? 0)
  })

  it('safely is at once if the holder hands over', async () => {
    const w = world()
    const alice = w.client()
    const held = await alice.acquire('doc')
    const taking = w.client().acquire('doc', { steal: 'safe' })
    await w.time.until(() => alice.types().includes('ending'))
    await held.release()
    await w.time.advance(0)
    expect((await taking).state).toBe('held')
  })
})

describe.each(BOTH)('run $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('holds while the function runs, and releases', async () => {
    const w = world()
    const client = w.client()
    const lock = client.lock('a')
    const result = await lock.run((lease) => `${lease.state} ${lock.state}`)
    expect(result).toBe('held held')
    expect(lock.state).toBe('idle')
    expect(await client.status('a')).toMatchObject({ state: 'free' })
  })

  it("rejects with the function's error, and releases", async () => {
    const w = world()
    const client = w.client()
    const mistake = new Error('mine')
    await expect(client.request('a', () => Promise.reject(mistake))).rejects.toBe(mistake)
    expect(await client.status('a')).toMatchObject({ state: 'free' })
  })

  it('awaits the function after a loss, and then rejects', async () => {
    const w = world()
    let finished = false
    const running = w
      .client()
      .lock('a')
      .run(async (lease) => {
        await new Promise((lost) => lease.signal.addEventListener('abort', lost))
        finished = true
        return 'done'
      })
    const outcome = running.catch((error: unknown) => error)
    await settle()
    w.fault = () => ({ refuse: true })
    await w.time.advance(LEASE)
    expect(await outcome).toMatchObject({ code: 'lost', loss: { cause: 'offline' } })
    expect(finished).toBe(true)
  })

  it("has the function's error as the cause after a loss", async () => {
    const w = world()
    const mistake = new Error('mine')
    const running = w.client().request('a', async (lease) => {
      await new Promise((lost) => lease.signal.addEventListener('abort', lost))
      throw mistake
    })
    const outcome = running.catch((error: unknown) => error)
    await settle()
    w.fault = () => ({ refuse: true })
    await w.time.advance(LEASE)
    expect(await outcome).toMatchObject({ code: 'lost', cause: mistake })
  })
})

describe.each(BOTH)('release $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('is idempotent, and false on a lease that is over', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    const both = [lease.release(), lease.release()]
    expect(await Promise.all(both)).toEqual([true, true])
    expect(await lease.release()).toBe(false)
    expect(() => lease.assertHeld()).toThrow(/was released/)
    expect(w.operations().filter((operation) => operation === 'POST release')).toHaveLength(1)
  })

  it('ends the belief at once, whatever is still on its way', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    w.fault = ({ path }) => (path.includes('heartbeat') ? { replyDelay: 1_000 } : {})
    await w.time.until(() => w.operations().includes('POST heartbeat'))
    const released = lease.release()
    expect(lease.state).toBe('released')
    expect(await released).toBe(true)
    await w.time.advance(5_000)
    expect(client.types()).not.toContain('lost')
    expect(client.types()).not.toContain('heartbeat.ok')
  })

  it('is repeated when its answer is lost', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    let lost = 0
    w.fault = () => (lost++ === 0 ? { dropReply: true } : {})
    const released = lease.release()
    await w.time.advance(5_000)
    expect(await released).toBe(true)
  })

  it('rejects when the server cannot be told, without an unhandled rejection if nobody asks', async () => {
    const w = world()
    const lease = await w.client().acquire('a')
    w.fault = () => ({ refuse: true })
    const released = lease.release().catch((error: unknown) => error)
    void (await w.client().lock('b').release())
    await w.time.advance(10_000)
    expect(await released).toMatchObject({ code: 'network' })
  })

  it('is what await using does', async () => {
    const w = world()
    const client = w.client()
    {
      await using lease = await client.acquire('a')
      expect(lease.state).toBe('held')
    }
    expect(await client.status('a')).toMatchObject({ state: 'free' })
  })
})

describe.each(BOTH)('close $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('releases what is held, ends what waits, and refuses what comes', async () => {
    const w = world()
    const client = w.client()
    const other = w.client()
    await other.acquire('b')
    const lease = await client.acquire('a')
    const waiting = client.acquire('b').catch((error: unknown) => error)
    await settle()
    const closed = client.close()
    await w.time.advance(100)
    await closed
    expect(lease.state).toBe('released')
    expect(await waiting).toMatchObject({ code: 'closed' })
    await expect(client.acquire('c')).rejects.toMatchObject({ code: 'closed' })
    expect(await other.status('a')).toMatchObject({ state: 'free' })
    expect(await other.status('b')).toMatchObject({ waiters: 0 })
    expect(client.types().at(-1)).toBe('client.closed')
  })
})

describe.each(BOTH)('a page that is left $how', (kind) => {
  beforeEach(() => {
    sessions = kind.sessions
  })
  it('loses its locks and hands them back at once', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    client.changePage('leaving')
    expect(lease.signal.aborted).toBe(true)
    expect(lease.loss?.sentence).toMatch(/page was left/)
    await settle()
    expect(await w.client().status('a')).toMatchObject({ state: 'free' })
  })

  it('beats at once when it is online again', async () => {
    const w = world()
    const client = w.client()
    const lease = await client.acquire('a')
    w.fault = () => ({ refuse: true })
    await w.time.until(() => lease.health === 'offline')
    w.fault = () => ({})
    client.changePage('online')
    await w.time.advance(0)
    expect(lease.health).toBe('ok')
  })
})
