import { expect, test } from 'vitest'
import { StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { ANYBODY, LEASE, StoreBench } from './store-bench.ts'

test('a free lock is granted with the lease that was asked for, and is no claim', async () => {
  const bench = new StoreBench()
  expect(await bench.acquire('a', { leaseMs: 7_000 })).toEqual({
    kind: 'granted',
    fencingToken: expect.any(Number),
    leaseMs: 7_000,
    expiresInMs: 7_000,
    claim: false,
    ending: null,
  })
})

test('a held lock is refused, with its holders and without a place in the queue', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { info: 'Alice' })
  await bench.pass(1_000.5)
  expect(await bench.acquire('b')).toEqual({
    kind: 'refused',
    graceMs: 0,
    holders: [{ info: 'Alice', mode: 'exclusive', sinceMs: 1_000, expiresInMs: 58_999 }],
  })
  expect((await bench.inspect()).waiters).toBe(0)
})

test('the lease ends by the monotonic clock, whatever the wall clock is set to', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  bench.clock.setWall(0)
  await bench.pass(LEASE - 1)
  expect((await bench.acquire('b')).kind).toBe('refused')
  bench.clock.setWall(Date.UTC(2040, 0, 1))
  expect((await bench.acquire('b')).kind).toBe('refused')
  await bench.pass(1)
  expect((await bench.acquire('b')).kind).toBe('granted')
})

test('the same owner again gets the same grant again, renewed to the full lease', async () => {
  const bench = new StoreBench()
  const first = await bench.acquire('a')
  await bench.pass(40_000)
  const again = await bench.acquire('a')
  expect(again).toEqual({ ...first, expiresInMs: LEASE })
  await bench.pass(40_000)
  expect((await bench.acquire('b')).kind).toBe('refused')
})

test('the same owner in another mode is a conflict, be it holding or waiting', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  expect(await bench.acquire('a', { mode: 'shared' })).toEqual({ kind: 'conflict', member: 'mode' })
  expect(await bench.queue('b', { mode: 'shared' })).toEqual({ kind: 'conflict', member: 'mode' })
  expect(await bench.queue('b', { ifAvailable: true })).toEqual({ kind: 'conflict', member: 'if_available' })
})

test('a renewal restores the lease that was granted, and tells what is really left', async () => {
  const bench = new StoreBench()
  const granted = await bench.acquire('a', { leaseMs: 10_000 })
  await bench.pass(9_000)
  expect(await bench.renew('a')).toEqual({
    kind: 'renewed',
    fencingToken: 'fencingToken' in granted && granted.fencingToken,
    leaseMs: 10_000,
    expiresInMs: 10_000,
    ending: null,
    successor: null,
  })
})

test('a renewal with a shorter lease does not shorten what was promised', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect(await bench.renew('a', 5_000)).toMatchObject({ kind: 'renewed', leaseMs: 5_000, expiresInMs: LEASE })
  await bench.pass(LEASE - 1)
  expect((await bench.acquire('b')).kind).toBe('refused')
})

test('a renewal with a longer lease prolongs it', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect(await bench.renew('a', 2 * LEASE)).toMatchObject({ expiresInMs: 2 * LEASE })
  await bench.pass(2 * LEASE - 1)
  expect((await bench.acquire('b')).kind).toBe('refused')
})

test('renewals come too late at the very end of the lease, and say why', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.pass(LEASE)
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'expired' })
  expect(await bench.renew('never-seen')).toEqual({ kind: 'ended', reason: 'unknown' })
})

test('only the owner can renew or release', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect(await bench.renew('b')).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.release('b')).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.renew(null)).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.release(null)).toEqual({ kind: 'ended', reason: 'unknown' })
  expect((await bench.acquire('c')).kind).toBe('refused')
})

test('a release can be repeated, and answers the same', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect(await bench.release('a')).toEqual({ kind: 'released' })
  expect(await bench.release('a')).toEqual({ kind: 'released' })
  expect(await bench.release('b')).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.release('b')).toEqual({ kind: 'ended', reason: 'unknown' })
})

test('a repeated release does not free the lock of the next owner', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.release('a')
  await bench.acquire('b')
  await bench.release('a')
  expect((await bench.acquire('c')).kind).toBe('refused')
})

test.each(['released', 'expired', 'stolen', 'unknown'] as const)(
  'an owner that is %s cannot acquire again',
  async (reason) => {
    const bench = new StoreBench()
    if (reason !== 'unknown') await bench.acquire('a')
    if (reason === 'expired') await bench.pass(LEASE)
    else if (reason === 'stolen') await bench.acquire('b', { steal: 'now' })
    else await bench.release('a')
    expect(await bench.queue('a')).toEqual({ kind: 'spent', reason })
    expect(await bench.attend('a')).toEqual({ kind: 'spent', reason })
    expect(await bench.renew('a')).toEqual({ kind: 'ended', reason })
  },
)

test('a finished owner is remembered for five minutes, and longer where leases are', async () => {
  const short = new StoreBench()
  await short.release('a')
  short.clock.advance(5 * 60_000 - 1)
  expect((await short.acquire('a')).kind).toBe('spent')
  short.clock.advance(1)
  expect((await short.acquire('a')).kind).toBe('granted')

  for (const lengthen of [
    (bench: StoreBench) => bench.acquire('b', { leaseMs: 3_600_000 }),
    (bench: StoreBench) => bench.renew('b', 3_600_000),
  ]) {
    const long = new StoreBench()
    await long.acquire('b')
    await lengthen(long)
    await long.release('a')
    long.clock.advance(3_600_000 - 1)
    expect((await long.acquire('a')).kind).toBe('spent')
  }
})

test('fencing tokens grow over release, expiry, steal and a wall clock that is set back', async () => {
  const bench = new StoreBench()
  const tokens: number[] = []
  const take = async (owner: string, steal: 'now' | null = null) => {
    const outcome = await bench.acquire(owner, { steal })
    if (outcome.kind !== 'granted') throw new Error(outcome.kind)
    tokens.push(outcome.fencingToken)
  }
  await take('a')
  await bench.release('a')
  await take('b')
  await bench.pass(LEASE)
  await take('c')
  await take('d', 'now')
  bench.clock.setWall(0)
  await take('e', 'now')
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  expect(Number.isSafeInteger(tokens.at(-1))).toBe(true)
})

test('fencing tokens grow over a restart that forgets', async () => {
  const clock = new VirtualClock()
  const take = async () => {
    const bench = new StoreBench()
    bench.clock.setWall(clock.wall())
    const outcomes = await Promise.all(['a', 'b', 'c'].map((owner) => bench.acquire(owner, { name: owner })))
    return outcomes.map((outcome) => ('fencingToken' in outcome ? outcome.fencingToken : 0))
  }
  const before = await take()
  clock.advance(1)
  const after = await take()
  expect(Math.min(...after)).toBeGreaterThan(Math.max(...before))
})

test('names and owners of different namespaces are apart', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { namespace: 'one' })
  expect((await bench.acquire('a', { namespace: 'two' })).kind).toBe('granted')
  expect(await bench.store.release({ namespace: 'one', name: 'k', owner: 'a' })).toEqual({ kind: 'released' })
  expect((await bench.store.inspect({ namespace: 'two', name: 'k' })).mode).toBe('exclusive')
})

test('a classic lock belongs to whoever knows its name, and has no idempotent acquire', async () => {
  const bench = new StoreBench()
  expect((await bench.acquire(null)).kind).toBe('granted')
  expect((await bench.acquire(null)).kind).toBe('refused')
  await bench.pass(LEASE - 1)
  expect((await bench.renew(null)).kind).toBe('renewed')
  await bench.pass(LEASE - 1)
  expect(await bench.release(null)).toEqual({ kind: 'released' })
  expect(await bench.release(null)).toEqual({ kind: 'ended', reason: 'unknown' })
  expect((await bench.acquire(null)).kind).toBe('granted')
})

test('an inspection tells of a free lock which token was the last', async () => {
  const bench = new StoreBench()
  expect(await bench.inspect()).toEqual({ mode: null, fencingToken: null, holders: [], waiters: 0 })
  const granted = await bench.acquire('a')
  await bench.release('a')
  expect(await bench.inspect()).toMatchObject({
    mode: null,
    fencingToken: 'fencingToken' in granted && granted.fencingToken,
  })
})

test('nothing ticks when nothing is held', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.renew('a')
  await bench.release('a')
  await bench.release('b')
  expect(bench.clock.timers).toBe(0)
})

test('a closed store answers nothing, and ticks no more', async () => {
  const clock = new VirtualClock()
  const store = createMemoryStore({ clock })
  await store.acquire({
    namespace: '',
    name: 'k',
    owner: 'a',
    principal: ANYBODY,
    leaseMs: LEASE,
    waitMs: 0,
    mode: 'exclusive',
    ifAvailable: false,
    steal: null,
    info: null,
  })
  await store.close()
  expect(clock.timers).toBe(0)
  await expect(store.inspect({ namespace: '', name: 'k' })).rejects.toThrow(StoreUnavailableError)
})
