import { expect, test } from 'vitest'
import { BoundedMap } from '../../src/server/stores/memory/bounded-map.ts'
import { LEASE, StoreBench } from './store-bench.ts'

test('during the grace period nothing is granted, not even by stealing, but places are taken', async () => {
  const bench = new StoreBench({ grace: 10_000 })
  await bench.pass(1_000)
  expect(await bench.acquire('a')).toEqual({ kind: 'refused', holders: [], graceMs: 9_000 })
  expect((await bench.acquire(null)).kind).toBe('refused')
  expect((await bench.acquire('a', { steal: 'now' })).kind).toBe('refused')
  expect(await bench.queue('b')).toMatchObject({ kind: 'queued', position: 1, graceMs: 9_000 })
  expect(await bench.queue('b', { steal: 'now' })).toMatchObject({ kind: 'queued', position: 1 })
  expect(await bench.queue('c')).toMatchObject({ kind: 'queued', position: 2 })
  await bench.pass(8_999)
  expect(bench.changed).toEqual([])
  await bench.pass(1)
  expect(bench.changed).toEqual(['b'])
})

test('a namespace has room for so many locks, and room is made by letting go', async () => {
  const bench = new StoreBench({ limits: { locks: 2 } })
  await bench.acquire('a', { name: 'one' })
  await bench.acquire(null, { name: 'two' })
  expect(await bench.acquire('b', { name: 'three' })).toEqual({ kind: 'full', limit: 'locks', most: 2 })
  expect(await bench.acquire(null, { name: 'three' })).toEqual({ kind: 'full', limit: 'locks', most: 2 })
  expect((await bench.acquire('b', { namespace: 'other', name: 'three' })).kind).toBe('granted')
  expect((await bench.queue('b', { name: 'one' })).kind).toBe('queued')
  await bench.store.release({ namespace: '', name: 'two', owner: null })
  expect((await bench.acquire('b', { name: 'three' })).kind).toBe('granted')
})

test('looking, renewing and releasing make nothing grow', async () => {
  const bench = new StoreBench({ limits: { locks: 1 } })
  await bench.inspect('one')
  await bench.renew('a')
  await bench.release('a')
  await bench.attend('a')
  expect((await bench.acquire('b', { name: 'two' })).kind).toBe('granted')
})

test('a lock has room for so many holders and waiters, who can go on when it is full', async () => {
  const bench = new StoreBench({ limits: { ownersPerLock: 3 } })
  await bench.acquire('a', { mode: 'shared' })
  await bench.acquire('b', { mode: 'shared' })
  await bench.queue('c')
  const full = { kind: 'full', limit: 'ownersPerLock', most: 3 }
  expect(await bench.queue('d')).toEqual(full)
  expect((await bench.queue('c')).kind).toBe('queued')
  expect((await bench.acquire('a', { mode: 'shared' })).kind).toBe('granted')
  expect((await bench.renew('a')).kind).toBe('renewed')
  expect(await bench.acquire('d', { mode: 'shared', steal: 'now' })).toEqual(full)
  expect((await bench.acquire('d', { steal: 'now' })).kind).toBe('granted')
})

test('a namespace has room for so many waiters, and forgets those that have gone', async () => {
  const bench = new StoreBench({ limits: { waiters: 1 } })
  await bench.acquire('a', { name: 'one' })
  await bench.acquire('b', { name: 'two' })
  await bench.queue('c', { name: 'one', waitMs: 1 })
  expect(await bench.queue('d', { name: 'two' })).toEqual({ kind: 'full', limit: 'waiters', most: 1 })
  await bench.pass(5_001)
  expect((await bench.queue('d', { name: 'two' })).kind).toBe('queued')
  await bench.store.release({ namespace: '', name: 'two', owner: 'b' })
  expect((await bench.queue('e', { name: 'two', waitMs: LEASE })).kind).toBe('queued')
})

test('so many finished owners are remembered, and the oldest are forgotten first', async () => {
  const bench = new StoreBench({ limits: { tombstones: 2 } })
  for (const owner of ['a', 'b', 'c']) await bench.release(owner)
  expect((await bench.acquire('b')).kind).toBe('spent')
  expect((await bench.acquire('c')).kind).toBe('spent')
  expect((await bench.acquire('a')).kind).toBe('granted')
})

test('a bounded map forgets the entry that was set longest ago', () => {
  const map = new BoundedMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  map.set('c', 4)
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2])
})
