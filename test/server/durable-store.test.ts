import { describe, expect, it } from 'vitest'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { Digest } from '../../src/server/stores/durable/digest.ts'
import { leave, SessionBench, take } from './session-bench.ts'
import { ANYBODY, type DurableBenchOptions, LEASE, openDurable, WAIT } from './store-bench.ts'
import { type Carry, VirtualDisk } from './virtual-disk.ts'

const WALL = Date.UTC(2026, 0, 1)

/** A process that takes over what is on `disk`. */
function boot(disk: VirtualDisk, { wall = WALL, ...options }: DurableBenchOptions & { wall?: number } = {}) {
  return new SessionBench({}, wall, openDurable(disk, options))
}

/** The same again after a crash in which nothing survives that need not. */
function crashAndBoot(disk: VirtualDisk, options: { wall?: number } = {}): SessionBench {
  disk.crash()
  return boot(disk, options)
}

/** Writes that reach the disk when they are told to. */
function slowWrites(): { carry: Carry; written: () => void; readonly pending: number } {
  const waiting: (() => void)[] = []
  return {
    carry: (done) => waiting.push(done),
    written: () => waiting.shift()?.(),
    get pending() {
      return waiting.length
    },
  }
}

function turn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume))
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isDone = false
  const done = () => {
    isDone = true
  }
  promise.then(done, done)
  await turn()
  return isDone
}

describe('what waits for the disk', () => {
  it('is a grant, whoever sees it, and whoever is told of it', async () => {
    const disk = new VirtualDisk()
    const { carry, written } = slowWrites()
    const bench = boot(disk, { carry })
    const first = bench.acquire('a')
    expect(await isSettled(first)).toBe(false)
    const seen = bench.inspect()
    expect(await isSettled(seen)).toBe(false)
    written()
    written()
    expect(await first).toMatchObject({ kind: 'granted' })
    expect(await seen).toMatchObject({ mode: 'exclusive' })

    await bench.queue('b')
    const released = bench.release('a')
    await turn()
    expect(bench.changed).toEqual([])
    expect(await isSettled(released)).toBe(false)
    written()
    await released
    expect(bench.changed).toEqual(['b'])
  })

  it('is a grant that nobody asked for: it is on disk before a hint tells of it', async () => {
    const disk = new VirtualDisk()
    const { carry, written } = slowWrites()
    const bench = boot(disk, { carry })
    const held = bench.acquire('a')
    await turn()
    written()
    await held
    await bench.queue('b', { waitMs: 2 * LEASE })
    await bench.pass(LEASE)
    await turn()
    expect(bench.changed).toEqual([])
    written()
    await turn()
    expect(bench.changed).toEqual(['b'])
  })

  it('is a longer lease, and no renewal', async () => {
    const disk = new VirtualDisk()
    const bench = boot(disk)
    await bench.acquire('a', { leaseMs: 10_000 })
    const { lastingWrites } = disk
    await bench.renew('a')
    await bench.renew('a', 5_000)
    await bench.renew('a', 10_000)
    expect(disk.lastingWrites).toBe(lastingWrites)
    await bench.renew('a', 20_000)
    expect(disk.lastingWrites).toBe(lastingWrites + 1)
  })

  it('is neither a release, nor the heartbeat of a session, nor a look at it', async () => {
    const disk = new VirtualDisk()
    const bench = boot(disk)
    await bench.run('S', [take('a')])
    await bench.acquire('b', { name: 'other' })
    const { lastingWrites } = disk
    await bench.beat('S')
    await bench.peek('S')
    await bench.release('b')
    await bench.end('S')
    expect(disk.lastingWrites).toBe(lastingWrites)
  })

  it('is written together with what came while the write before was on its way', async () => {
    const disk = new VirtualDisk()
    const slow = slowWrites()
    const bench = boot(disk, { carry: slow.carry })
    await turn()
    slow.written()
    await turn()
    const { lastingWrites } = disk
    const first = bench.acquire('0', { name: '0' })
    await turn()
    const others = Array.from({ length: 64 }, (_, index) => bench.acquire(`a${index}`, { name: `a${index}` }))
    await turn()
    expect(slow.pending).toBe(1)
    slow.written()
    await first
    await turn()
    slow.written()
    await Promise.all(others)
    expect(disk.lastingWrites).toBe(lastingWrites + 2)
  })
})

describe('what comes back', () => {
  it('are locks of all kinds, with their tokens, and their full leases from the start', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    const info = { who: 'Alice' }
    const a = await before.acquire('a', { info, leaseMs: 30_000 })
    const shared = [
      await before.acquire('s1', { name: 'shared', mode: 'shared' }),
      await before.acquire('s2', { name: 'shared', mode: 'shared' }),
    ]
    await before.acquire(null, { name: 'classic' })
    await before.pass(29_999)

    const after = crashAndBoot(disk)
    expect(await after.inspect()).toMatchObject({
      fencingToken: 'fencingToken' in a && a.fencingToken,
      holders: [{ info, mode: 'exclusive', expiresInMs: 30_000 }],
    })
    await after.pass(29_999)
    expect(await after.renew('a')).toMatchObject({ kind: 'renewed', leaseMs: 30_000, expiresInMs: 30_000 })
    expect(await after.acquire('a', { leaseMs: 30_000 })).toEqual(a)
    for (const [index, owner] of ['s1', 's2'].entries()) {
      const again = { name: 'shared', mode: 'shared' } as const
      expect(await after.acquire(owner, again)).toEqual(shared[index])
    }
    expect((await after.acquire(null, { name: 'classic' })).kind).toBe('refused')
    expect(await after.renew(null)).toMatchObject({ kind: 'ended' })
    await after.pass(30_001)
    expect((await after.inspect()).mode).toBeNull()
  })

  it('is the longest lease that was promised, be it that it was renewed for less', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    await before.acquire('a', { leaseMs: 10_000 })
    await before.renew('a', 50_000)
    await before.renew('a', 5_000)
    await before.renew('a', 20_000)
    const after = crashAndBoot(disk)
    expect((await after.inspect()).holders).toMatchObject([{ expiresInMs: 50_000 }])
    await after.renew('a', 20_000)
    expect((await crashAndBoot(disk).inspect()).holders).toMatchObject([{ expiresInMs: 50_000 }])
  })

  it('are sessions with all that they hold, their seq, and another epoch', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    const { standing } = await before.run('S', [take('a'), take('b', { name: 'other' })], {
      seq: 7,
      open: { leaseMs: 20_000, info: 'S' },
    })
    const opened = await before.run('T', [])
    await before.run('S', [leave('b', 'other')], { seq: 9 })

    const after = crashAndBoot(disk)
    expect(await after.execute('S', [], { seq: 9 })).toEqual({ kind: 'seq-spent', highest: 9 })
    const back = await after.run('S', [{ op: 'sync' }], { seq: 10, open: null })
    expect(back.standing).toMatchObject({ leaseMs: 20_000, expiresInMs: 20_000, claims: [], ended: [] })
    expect(back.standing.epoch).toBeGreaterThan(Math.max(standing.epoch, opened.standing.epoch))
    expect(back.outcomes).toMatchObject([{ kind: 'synced', holds: [{ owner: 'a', name: 'k' }], waits: [] }])
    expect((await after.inspect()).holders).toMatchObject([{ info: 'S' }])
    await after.pass(20_000)
    expect((await after.inspect()).mode).toBeNull()
  })

  it('is a claim as held, and no place in a queue', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    await before.run('S', [take('a')])
    await before.run('T', [take('b')])
    await before.run('U', [take('c')])
    await before.run('S', [leave('a')])
    expect((await before.peek('T')).claims).toMatchObject([{ owner: 'b' }])

    const after = crashAndBoot(disk)
    expect(await after.stands('T', ['b'])).toMatchObject({ claims: [], confirmed: ['b'], expiresInMs: LEASE })
    expect((await after.peek('U')).isWaiting).toBe(false)
    await after.pass(LEASE - 1)
    expect((await after.inspect()).mode).toBe('exclusive')
  })

  it.each([
    ['was released', (bench: SessionBench) => bench.release('a')],
    ['ran out', (bench: SessionBench) => bench.pass(LEASE)],
    ['was ended with its session', (bench: SessionBench) => bench.end('S')],
    ['lapsed with its session', (bench: SessionBench) => bench.pass(LEASE)],
  ])('is nothing that %s, unless a crash of the machine came soon', async (_, end) => {
    const disk = new VirtualDisk()
    const bench = boot(disk)
    await bench.run('S', [take('a')])
    await end(bench)
    await turn()
    expect((await boot(disk).inspect()).mode).toBeNull()
    // Long before, a write that lasts has taken it along.
    await bench.acquire('z', { name: 'other' })
    expect((await crashAndBoot(disk).inspect()).mode).toBeNull()
  })

  it('is who took over, and not whom it took over from', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    await before.acquire('a', { info: 'a' })
    await before.queue('b', { info: 'b' })
    await before.release('a')
    expect((await crashAndBoot(disk).inspect()).holders).toMatchObject([{ info: 'b' }])
    const robbed = boot(disk)
    await robbed.acquire('c', { info: 'c', steal: 'now' })
    expect((await crashAndBoot(disk).inspect()).holders).toMatchObject([{ info: 'c' }])
  })

  it('are tokens and epochs that only grow, though the wall clock was set back', async () => {
    const disk = new VirtualDisk()
    const tokens: number[] = []
    const epochs: number[] = []
    for (const wall of [WALL, 0, WALL - 3_600_000, 1]) {
      const bench = crashAndBoot(disk, { wall })
      const old = await bench.beat('S')
      if (old.kind === 'standing') epochs.push(old.epoch)
      const { outcomes, standing } = await bench.run(`T${wall}`, [take(`a${wall}`)])
      for (const outcome of outcomes) if (outcome.kind === 'granted') tokens.push(outcome.fencingToken)
      epochs.push(standing.epoch)
      await bench.run('S', [leave(`a${wall}`)], { seq: 100 + tokens.length })
      await bench.end(`T${wall}`)
    }
    expect(tokens).toHaveLength(4)
    expect(epochs.length).toBeGreaterThan(4)
    for (const grown of [tokens, epochs]) {
      expect(grown).toEqual([...grown].sort((one, other) => one - other))
      expect(new Set(grown).size).toBe(grown.length)
    }
  })

  it('is nothing of what was never answered', async () => {
    const disk = new VirtualDisk()
    const { carry, written } = slowWrites()
    const before = boot(disk, { carry })
    await turn()
    written()
    await turn()
    const unanswered = before.acquire('a')
    expect(await isSettled(unanswered)).toBe(false)
    expect((await crashAndBoot(disk).inspect()).mode).toBeNull()
  })
})

it('leaves nothing on disk of what is over', async () => {
  const disk = new VirtualDisk()
  const bench = boot(disk)
  const empty = disk.entries().map(([key]) => key)
  for (let round = 0; round < 3; round += 1) {
    await bench.run(`S${round}`, [take(`a${round}`, { name: `n${round}` })])
    await bench.queue(`b${round}`, { name: `n${round}`, waitMs: WAIT })
    await bench.acquire(null, { name: `c${round}` })
    await bench.pass(2 * LEASE)
  }
  expect(
    disk
      .entries()
      .map(([key]) => key)
      .sort(),
  ).toEqual(['digest', 'format', 'last'])
  expect(empty).toEqual([])
})

describe('a disk that fails', () => {
  async function broken() {
    const disk = new VirtualDisk()
    const errors: unknown[] = []
    const bench = boot(disk, { onError: (error) => errors.push(error) })
    await bench.acquire('a')
    await bench.run('S', [take('s', { name: 'session' })])
    await bench.queue('w')
    disk.failure = new Error('no space left')
    return { disk, bench, errors }
  }

  it('closes the store: nothing is answered that is not on disk, nor anything after it', async () => {
    const { disk, bench, errors } = await broken()
    const steps: ((store: LockStore) => Promise<unknown>)[] = [
      (store) => store.renewSession({ session: 'S', confirm: [] }),
      (store) => store.attendSession({ session: 'S', attachMs: 0 }),
      (store) => store.endSession('S'),
      () => bench.execute('S', []),
      () => bench.renew('a'),
      () => bench.release('a'),
      () => bench.attend('w'),
      () => bench.inspect(),
    ]
    const together = [bench.acquire('b', { name: 'other' }), bench.inspect('other')]
    for (const each of together) await expect(each).rejects.toThrow(StoreUnavailableError)
    for (const step of steps) await expect(step(bench.store)).rejects.toThrow(StoreUnavailableError)
    expect(errors).toEqual([disk.failure])
    disk.failure = null
    await expect(bench.inspect()).rejects.toThrow(StoreUnavailableError)
    expect(bench.clock.timers).toBe(0)
    await bench.store.close()
  })

  it('lets nobody wait who came while the write that failed was on its way', async () => {
    const disk = new VirtualDisk()
    const slow = slowWrites()
    const bench = boot(disk, { carry: slow.carry, onError: () => undefined })
    const first = bench.acquire('a')
    await turn()
    const second = bench.acquire('b', { name: 'other' })
    disk.failure = new Error('no space left')
    slow.written()
    await expect(first).rejects.toThrow(StoreUnavailableError)
    await expect(second).rejects.toThrow(StoreUnavailableError)
    expect(slow.pending).toBe(0)
  })

  it('wakes those who wait, who would wait in vain', async () => {
    const { bench } = await broken()
    expect(bench.changed).toEqual([])
    await expect(bench.acquire('b', { name: 'other' })).rejects.toThrow(StoreUnavailableError)
    expect(bench.changed).toEqual(['w'])
  })

  it('is noticed by a release, too, though nobody waits for that', async () => {
    const { bench, errors } = await broken()
    await bench.end('S')
    await turn()
    expect(errors).toHaveLength(1)
    await expect(bench.inspect()).rejects.toThrow(StoreUnavailableError)
  })
})

describe('who asked, and for how long', () => {
  const alice = { ...ANYBODY, subject: 'alice', maxHoldMs: 2 * LEASE, quota: { locks: 2, waiters: null } }

  it('is known after a restart, from which the time counts anew', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    await before.acquire('a', { principal: alice })
    await before.run('S', [take('b', { name: 'other' })], { principal: alice })
    await before.pass(LEASE - 1)
    await before.renew('a')
    const bench = crashAndBoot(disk)
    expect(await bench.acquire('c', { name: 'more', principal: alice })).toMatchObject({ limit: 'locksPerToken' })
    await bench.pass(LEASE - 1)
    expect(await bench.renew('a')).toMatchObject({ ending: null, expiresInMs: LEASE })
    expect((await bench.stands('S')).ending).toEqual([])
    await bench.pass(1)
    expect(await bench.renew('a')).toMatchObject({ ending: 'revoked', expiresInMs: LEASE })
    expect((await bench.stands('S')).ending).toMatchObject([{ owner: 'b', reason: 'revoked', expiresInMs: LEASE }])
    expect(await bench.store.revoke({ subject: 'alice' })).toEqual({ holders: 2, waiters: 0 })
  })

  it('was not in records of old, which count as those of nobody', async () => {
    const disk = new VirtualDisk()
    const value = JSON.stringify({ token: 1, lease_ms: LEASE, mode: 'exclusive', session: null, info: null })
    const entries: [string, string][] = [
      ['format', '{"v":1}'],
      ['hold\0\0k\0a', value],
    ]
    const digest = { key: 'digest', value: String(new Digest(entries).total) }
    await disk.open().commit([...entries.map(([key, value]) => ({ key, value })), digest], true)
    const bench = boot(disk)
    await bench.pass(LEASE - 1)
    expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', ending: null, expiresInMs: LEASE })
  })

  it('matters no more for an end that was fixed, which a restart takes back, unless the lock was handed on', async () => {
    const disk = new VirtualDisk()
    const before = boot(disk)
    await before.acquire('a', { principal: alice })
    await before.acquire('b', { name: 'other' })
    await before.queue('c', { name: 'other' })
    await before.store.revoke({ subject: 'alice' })
    await before.store.endHolders({ namespace: '', name: 'other', how: 'now' })
    const bench = crashAndBoot(disk)
    expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', ending: null, expiresInMs: LEASE })
    expect(await bench.acquire('c', { name: 'other' })).toMatchObject({ kind: 'granted' })
  })
})

describe('records that cannot be right', () => {
  const hold = (session: string | null, mode = 'exclusive') =>
    JSON.stringify({ token: 1, lease_ms: 1_000, mode, session, info: null })

  it.each([
    ['without a format', [['last', '{}']], 'it does not say its format'],
    ['of a later version', [['format', '{"v":2}']], 'its format is {"v":2}, and this program knows version 1'],
    ['of an unknown kind', [['wait\0k', '{}']], String.raw`nothing is known of a record "wait\u0000k"`],
    ['cut off', [['session\0S', '{"name']], 'the record "session" is no JSON'],
    ['with a member missing', [['hold\0\0k\0a', '{"token":1}']], 'the record "hold of k" is not what it must be'],
    ['of a token that is none', [['last', '{"token":-1,"epoch":0}']], 'the record "last" is not what it must be'],
    ['of a session that is missing', [['hold\0\0k\0a', hold('S')]], 'the lock "k" is held in a session of which'],
    [
      'of two that exclude each other',
      [
        ['hold\0\0k\0a', hold(null)],
        ['hold\0\0k\0b', hold(null, 'shared')],
      ],
      'the lock "k" has two holders that exclude each other',
    ],
  ])('%s keep a store from starting', async (_, entries, message) => {
    const disk = new VirtualDisk()
    const hasFormat = message.includes('format')
    const format = hasFormat ? [] : [['format', '{"v":1}']]
    const operations = [...format, ...entries].map(([key = '', value = '']) => ({ key, value }))
    const { total } = new Digest(operations.map(({ key, value }) => [key, value]))
    await disk.open().commit([...operations, { key: 'digest', value: String(total) }], true)
    expect(() => boot(disk)).toThrow(message)
  })

  it('are those too that the engine has lost or changed without a word', async () => {
    const disk = new VirtualDisk()
    await boot(disk).run('S', [take('a'), take('b', { name: 'other' })])
    await turn()
    const entries = disk.entries()
    for (const [key, value] of entries) {
      const changed = value.replace(/60000|:1/, (digits) => `${digits}0`)
      for (const instead of [null, changed === value ? '{}' : changed]) {
        const damaged = new VirtualDisk()
        await damaged
          .open()
          .commit([...entries.map(([each, old]) => ({ key: each, value: old })), { key, value: instead }], true)
        expect(() => boot(damaged), `${key}: ${instead}`).toThrow()
      }
    }
  })
})
