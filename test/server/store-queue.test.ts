import { expect, test } from 'vitest'
import { LEASE, StoreBench, WAIT } from './store-bench.ts'

const TICKET = 5_000

test('waiters are granted in the order in which they came', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  for (const [index, owner] of ['b', 'c', 'd', 'e'].entries()) {
    expect(await bench.queue(owner)).toMatchObject({ kind: 'queued', position: index + 1 })
  }
  for (const owner of ['a', 'b', 'c', 'd']) await bench.release(owner)
  expect(bench.changed).toEqual(['b', 'c', 'd', 'e'])
})

test('a release has handed over when it is answered, as a claim that a heartbeat confirms', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.release('a')
  expect(await bench.attend('b')).toMatchObject({ kind: 'granted', claim: true, expiresInMs: 5_000, leaseMs: LEASE })
  await bench.pass(4_999)
  expect(await bench.renew('b')).toMatchObject({ kind: 'renewed', expiresInMs: LEASE })
  await bench.pass(LEASE - 1)
  expect(await bench.attend('b')).toMatchObject({ kind: 'granted', claim: false, expiresInMs: 1 })
})

test('a claim is never longer than the lease', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { leaseMs: 2_000 })
  await bench.release('a')
  expect(await bench.attend('b')).toMatchObject({ claim: true, expiresInMs: 2_000 })
})

test('a claim stays a claim when it is acquired again, and passes on when nobody confirms it', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.queue('c')
  await bench.release('a')
  await bench.pass(3_000)
  expect(await bench.queue('b')).toMatchObject({ kind: 'granted', claim: true, expiresInMs: 2_000 })
  await bench.pass(2_000)
  expect(await bench.queue('b')).toEqual({ kind: 'spent', reason: 'expired' })
  expect(await bench.attend('c')).toMatchObject({ kind: 'granted', claim: true })
})

test('expiry hands over by itself, with nobody asking', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { waitMs: 2 * LEASE })
  await bench.pass(LEASE - 1)
  expect(bench.changed).toEqual([])
  await bench.pass(1)
  expect(bench.changed).toEqual(['b'])
})

test('expiry hands over by itself after renewals too', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { waitMs: 3 * LEASE })
  await bench.pass(LEASE / 2)
  await bench.renew('a')
  await bench.pass(LEASE - 1)
  expect(bench.changed).toEqual([])
  await bench.pass(1)
  expect(bench.changed).toEqual(['b'])
})

test('nobody overtakes a waiter: not with if_available, not in the classic dialect', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { mode: 'shared' })
  await bench.queue('b')
  expect((await bench.acquire('c', { mode: 'shared', ifAvailable: true, waitMs: WAIT })).kind).toBe('refused')
  expect((await bench.acquire('c', { mode: 'shared' })).kind).toBe('refused')
  expect((await bench.acquire(null)).kind).toBe('refused')
  expect((await bench.inspect()).waiters).toBe(1)
})

test('a place is kept for a ticket after the poll has ended', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.queue('c')
  await bench.pass(WAIT)
  expect(await bench.attend('b')).toMatchObject({ kind: 'queued', position: 1 })
  await bench.pass(TICKET - 1)
  expect(await bench.attend('b')).toMatchObject({ kind: 'queued', position: 1 })
  await bench.pass(TICKET)
  expect(await bench.attend('b')).toEqual({ kind: 'gone' })
})

test('a waiter whose ticket has run out is passed over, and comes back at the end without a tombstone', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('dead', { waitMs: 1_000 })
  await bench.queue('live')
  await bench.pass(1_000 + TICKET)
  expect(bench.changed).toEqual(['dead'])
  expect(await bench.queue('dead')).toMatchObject({ kind: 'queued', position: 2 })
  await bench.release('a')
  expect(await bench.attend('live')).toMatchObject({ kind: 'granted' })
})

test('a waiter is alive for as long as its poll, though its ticket alone would have run out', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.pass(WAIT + TICKET - 1)
  await bench.release('a')
  expect((await bench.attend('b')).kind).toBe('granted')
})

test('a poll without a wait refreshes the ticket of a waiter, and takes nothing from a longer one', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { waitMs: 1_000 })
  await bench.pass(5_000)
  expect(await bench.acquire('b')).toMatchObject({ kind: 'queued', position: 1 })
  await bench.pass(TICKET - 1)
  expect(await bench.attend('b')).toMatchObject({ kind: 'queued' })

  await bench.queue('b')
  expect(await bench.acquire('b')).toMatchObject({ kind: 'queued' })
  await bench.pass(WAIT)
  expect(await bench.attend('b')).toMatchObject({ kind: 'queued' })
})

test('a client that has gone leaves its place after a ticket, not after its poll', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b')
  await bench.attend('b', 0)
  await bench.pass(TICKET)
  expect(bench.changed).toEqual(['b'])
  expect((await bench.inspect()).waiters).toBe(0)
})

test('giving up frees the place at once, and lets those behind come forward', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { mode: 'shared' })
  await bench.queue('b')
  await bench.queue('c', { mode: 'shared' })
  expect(await bench.release('b')).toEqual({ kind: 'released' })
  expect(bench.changed).toEqual(['b', 'c'])
  expect(await bench.attend('c')).toMatchObject({ kind: 'granted' })
})

test('a run of shared waiters at the head is granted together, and stops at an exclusive one', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('s1', { mode: 'shared' })
  await bench.queue('s2', { mode: 'shared' })
  await bench.queue('x')
  await bench.queue('s3', { mode: 'shared' })
  await bench.release('a')
  expect(bench.changed).toEqual(['s1', 's2'])
  await bench.release('s1')
  expect(bench.changed).toEqual(['s1', 's2'])
  await bench.release('s2')
  expect(bench.changed).toEqual(['s1', 's2', 'x'])
  await bench.release('x')
  expect(bench.changed).toEqual(['s1', 's2', 'x', 's3'])
})

test('shared holders share, and a writer that waits is not starved by readers', async () => {
  const bench = new StoreBench()
  expect((await bench.acquire('r1', { mode: 'shared' })).kind).toBe('granted')
  expect((await bench.acquire('r2', { mode: 'shared' })).kind).toBe('granted')
  await bench.queue('w')
  expect((await bench.acquire('r3', { mode: 'shared' })).kind).toBe('refused')
  await bench.release('r1')
  await bench.release('r2')
  expect((await bench.attend('w')).kind).toBe('granted')
})
