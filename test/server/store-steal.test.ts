import { expect, test } from 'vitest'
import { LEASE, StoreBench } from './store-bench.ts'

test('a safe steal fixes the end: renewals tell it and do not move it, and the lock changes hands then', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect(await bench.queue('thief', { steal: 'safe', info: 'Bob', waitMs: LEASE })).toMatchObject({
    kind: 'queued',
    position: 1,
  })
  await bench.pass(20_000)
  const renewed = { kind: 'renewed', expiresInMs: 40_000, ending: 'stolen', successor: { info: 'Bob' } }
  expect(await bench.renew('a')).toMatchObject(renewed)
  expect(await bench.renew('a', 3 * LEASE)).toMatchObject(renewed)
  expect(await bench.acquire('a')).toMatchObject({ kind: 'granted', expiresInMs: 40_000, ending: 'stolen' })
  await bench.pass(39_999)
  expect((await bench.attend('thief', 60_000)).kind).toBe('queued')
  await bench.pass(1)
  expect(await bench.attend('thief')).toMatchObject({ kind: 'granted', claim: true, ending: null })
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'stolen' })
})

test('a holder that lets go early hands over to the thief at once', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.queue('thief', { steal: 'safe' })
  await bench.release('a')
  expect(bench.changed).toEqual(['thief'])
})

test('safe steals wait among themselves, ahead of all others, and do not fix the end of each other', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  expect(await bench.queue('t1', { steal: 'safe' })).toMatchObject({ position: 1 })
  expect(await bench.queue('t2', { steal: 'safe' })).toMatchObject({ position: 2 })
  await bench.release('a')
  // A poll of a thief that is waiting already is no new theft.
  await bench.queue('t2', { steal: 'safe' })
  expect(await bench.renew('t1')).toMatchObject({ kind: 'renewed', ending: null, expiresInMs: LEASE })
  await bench.release('t1')
  await bench.renew('t2')
  await bench.release('t2')
  expect(bench.changed).toEqual(['t1', 't2', 'b'])
})

test('a claim can be stolen too: it is confirmed, but not prolonged', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.release('a')
  await bench.queue('thief', { steal: 'safe' })
  await bench.pass(1_000)
  expect(await bench.renew('b')).toMatchObject({ kind: 'renewed', expiresInMs: 4_000, ending: 'stolen' })
  await bench.pass(4_000)
  expect(bench.changed).toEqual(['b', 'thief'])
})

test('a fixed end stays fixed though the thief gives up', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('thief', { steal: 'safe' })
  await bench.release('thief')
  await bench.pass(LEASE - 1)
  expect(await bench.renew('a')).toMatchObject({ ending: 'stolen', expiresInMs: 1, successor: null })
  await bench.pass(1)
  expect((await bench.acquire('b')).kind).toBe('granted')
})

test('a safe steal that would not wait has no effect', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  expect((await bench.acquire('thief', { steal: 'safe' })).kind).toBe('refused')
  expect((await bench.queue('thief', { steal: 'safe', ifAvailable: true })).kind).toBe('refused')
  expect(await bench.renew('a')).toMatchObject({ ending: null, expiresInMs: LEASE })
})

test('a waiter can turn into a thief, and moves ahead', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.queue('c')
  expect(await bench.queue('c', { steal: 'safe' })).toMatchObject({ kind: 'queued', position: 1 })
  expect(await bench.renew('a')).toMatchObject({ ending: 'stolen' })
  await bench.release('a')
  expect(bench.changed).toEqual(['c'])
})

test('a waiter that turns into a thief waits on for as long as its other request does', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { waitMs: 30_000 })
  await bench.queue('b', { steal: 'safe', waitMs: 0 })
  await bench.pass(20_000)
  expect(await bench.queue('c')).toMatchObject({ position: 2 })
})

test('a waiter that turns into a thief is granted in the same step, if only its place was in the way', async () => {
  const bench = new StoreBench()
  await bench.acquire('r', { mode: 'shared' })
  await bench.queue('w')
  await bench.queue('s', { mode: 'shared' })
  expect(await bench.queue('s', { mode: 'shared', steal: 'safe' })).toMatchObject({ kind: 'granted', claim: true })
})

test('a shared thief leaves shared holders alone, and passes the writers that wait', async () => {
  const bench = new StoreBench()
  await bench.acquire('r', { mode: 'shared' })
  await bench.queue('w')
  expect(await bench.queue('thief', { mode: 'shared', steal: 'safe' })).toMatchObject({ kind: 'granted', claim: false })
  expect(await bench.renew('r')).toMatchObject({ ending: null })
})

test('a shared thief does not pass a thief that waits', async () => {
  const bench = new StoreBench()
  await bench.acquire('r', { mode: 'shared' })
  await bench.queue('t1', { steal: 'safe' })
  expect(await bench.queue('t2', { mode: 'shared', steal: 'safe' })).toMatchObject({ kind: 'queued', position: 2 })
})

test('steal now grants at once with a higher token, and the old holder hears of it', async () => {
  const bench = new StoreBench()
  const old = await bench.acquire('a')
  await bench.queue('b')
  const thief = await bench.acquire('thief', { steal: 'now' })
  if (old.kind !== 'granted' || thief.kind !== 'granted') throw new Error('not granted')
  expect(thief.claim).toBe(false)
  expect(thief.fencingToken).toBeGreaterThan(old.fencingToken)
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'stolen' })
  expect(await bench.attend('b')).toMatchObject({ kind: 'queued', position: 1 })
})

test('steal now by a waiter takes it out of the queue', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  expect((await bench.queue('b', { steal: 'now' })).kind).toBe('granted')
  expect((await bench.inspect()).waiters).toBe(0)
})

test('a lock taken shared from an exclusive holder is open to the shared waiters at the head', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('s', { mode: 'shared' })
  await bench.acquire('thief', { mode: 'shared', steal: 'now' })
  // In the same step: nobody may ask about the waiter for a long time.
  expect(bench.changed).toEqual(['s'])
  expect(await bench.attend('s')).toMatchObject({ kind: 'granted', claim: true })
})

test('a classic lock can be stolen as well', async () => {
  const bench = new StoreBench()
  await bench.acquire(null)
  await bench.queue('thief', { steal: 'safe' })
  expect(await bench.renew(null)).toMatchObject({ kind: 'renewed', ending: 'stolen' })
  await bench.acquire('other', { steal: 'now' })
  expect(await bench.renew(null)).toEqual({ kind: 'ended', reason: 'unknown' })
})
