import { expect, test } from 'vitest'
import type { Principal, StoreCommand } from '../../src/server/store.ts'
import { createMemoryStore, StoreInMemory } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { leave, SessionBench, take } from './session-bench.ts'
import { ANYBODY, LEASE, StoreBench, WAIT } from './store-bench.ts'

const CLAIM = 5_000
const HOLD = 150_000

/** Somebody who may hold for `HOLD`. */
const bounded: Principal = { ...ANYBODY, maxHoldMs: HOLD }

function subject(name: string, quota: Partial<Principal['quota']> = {}): Principal {
  return { ...ANYBODY, subject: name, quota: { ...ANYBODY.quota, ...quota } }
}

test('no lease goes beyond the longest hold, which is told from when it is what ends it', async () => {
  const bench = new StoreBench()
  expect(await bench.acquire('a', { principal: bounded })).toMatchObject({ expiresInMs: LEASE, ending: null })
  await bench.pass(50_000)
  expect(await bench.renew('a')).toMatchObject({ expiresInMs: LEASE, ending: null })
  await bench.pass(39_999)
  expect(await bench.renew('a')).toMatchObject({ expiresInMs: LEASE, ending: null })
  await bench.pass(1)
  expect(await bench.renew('a')).toMatchObject({ expiresInMs: LEASE, ending: 'revoked', successor: null })
  await bench.pass(20_000)
  expect(await bench.renew('a', 3 * LEASE)).toMatchObject({ expiresInMs: 40_000, ending: 'revoked' })
  expect(await bench.acquire('a')).toMatchObject({ kind: 'granted', expiresInMs: 40_000, ending: 'revoked' })
  expect((await bench.inspect()).holders).toMatchObject([{ expiresInMs: 40_000 }])
  await bench.pass(39_999)
  expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', expiresInMs: 1 })
  await bench.pass(1)
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'revoked' })
  expect((await bench.acquire('b')).kind).toBe('granted')
})

test('a longest hold that is no longer than the lease bounds it from the beginning', async () => {
  const bench = new StoreBench()
  const principal = { ...ANYBODY, maxHoldMs: 1_000 }
  expect(await bench.acquire('a', { principal })).toMatchObject({ expiresInMs: 1_000, ending: 'revoked' })
  expect(await bench.renew('a')).toMatchObject({ expiresInMs: 1_000, ending: 'revoked' })
  await bench.queue('b', { principal })
  await bench.pass(1_000)
  expect(bench.changed).toEqual(['b'])
  expect(await bench.attend('b')).toMatchObject({ claim: true, expiresInMs: 1_000 })
  expect(await bench.renew('b')).toMatchObject({ expiresInMs: 1_000, ending: 'revoked' })
})

test('a shorter lease than the hold has left is renewed as ever', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { principal: bounded, leaseMs: 1_000 })
  expect(await bench.renew('a', 2_000)).toMatchObject({ expiresInMs: 2_000, ending: null })
  expect(await bench.renew('a', HOLD - 1)).toMatchObject({ expiresInMs: HOLD - 1, ending: null })
  expect(await bench.renew('a', HOLD)).toMatchObject({ expiresInMs: HOLD, ending: 'revoked' })
})

test('the hold of who waited is counted from the grant', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { principal: bounded })
  await bench.pass(10_000)
  await bench.release('a')
  await bench.pass(1_000)
  expect(await bench.attend('b')).toMatchObject({ claim: true, expiresInMs: CLAIM - 1_000, ending: null })
  expect(await bench.renew('b', HOLD)).toMatchObject({ expiresInMs: HOLD - 1_000, ending: 'revoked' })
})

test('a thief gets what is left of a hold, and a stolen end stays where it was', async () => {
  const bench = new StoreBench()
  await bench.acquire('a', { principal: bounded })
  await bench.queue('thief', { steal: 'safe' })
  expect(await bench.renew('a')).toMatchObject({ expiresInMs: LEASE, ending: 'stolen' })
  await bench.pass(LEASE)
  expect(bench.changed).toEqual(['thief'])
})

test('a classic hold is bounded too', async () => {
  const bench = new StoreBench()
  await bench.acquire(null, { principal: bounded })
  for (let held = 0; held < HOLD; held += 50_000) {
    expect((await bench.renew(null)).kind).toBe('renewed')
    await bench.pass(50_000)
  }
  expect((await bench.renew(null)).kind).toBe('ended')
})

/** The deadline of `owner` by one reply: what a client makes of it. */
async function deadlineIn(bench: SessionBench, owner: string, commands: readonly StoreCommand[] | null) {
  const standing =
    commands === null ? await bench.stands('S') : (await bench.run('S', commands, { principal: bounded })).standing
  const ending = standing.ending.find((each) => each.owner === owner)
  return { ending: ending?.reason ?? null, until: bench.clock.now() + (ending ?? standing).expiresInMs }
}

test('a session is told of the bound of a hold in every reply that would otherwise promise more', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('free', { name: 'other' })])
  const start = bench.clock.now()
  expect(await deadlineIn(bench, 'a', [take('a')])).toEqual({ ending: null, until: start + LEASE })
  for (const at of [40_000, 80_000, HOLD - LEASE - 1]) {
    await bench.pass(start + at - bench.clock.now())
    expect(await deadlineIn(bench, 'a', null)).toEqual({ ending: null, until: start + at + LEASE })
  }
  await bench.pass(1)
  const fixed = { ending: 'revoked', until: start + HOLD }
  expect(await deadlineIn(bench, 'a', null)).toEqual(fixed)
  await bench.pass(LEASE / 2)
  expect(await deadlineIn(bench, 'a', [])).toEqual(fixed)
  expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', expiresInMs: LEASE / 2, ending: 'revoked' })
  await bench.pass(LEASE / 2 - 1)
  expect(await deadlineIn(bench, 'a', [])).toEqual(fixed)
  await bench.pass(1)
  const { standing } = await bench.run('S', [])
  expect(standing).toMatchObject({ ending: [], ended: [{ owner: 'a', name: 'k', reason: 'revoked' }] })
  expect((await bench.inspect('other')).mode).toBe('exclusive')
  expect((await bench.acquire('b')).kind).toBe('granted')
})

test('a hold that a session would outlive is told so in the reply that grants it', async () => {
  const bench = new SessionBench()
  await bench.run('S', [])
  await bench.pass(10_000)
  const principal = { ...ANYBODY, maxHoldMs: LEASE }
  const { outcomes, standing } = await bench.run('S', [take('a')], { principal })
  expect(outcomes).toMatchObject([{ kind: 'granted', expiresInMs: LEASE, ending: 'revoked' }])
  expect(standing.ending).toMatchObject([{ owner: 'a', reason: 'revoked', expiresInMs: LEASE }])
})

test('a claim of a session is bounded from its grant, and told so when it is confirmed', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  const principal = { ...ANYBODY, maxHoldMs: LEASE }
  await bench.run('S', [take('a')], { principal })
  await bench.release('holder')
  await bench.pass(2_000)
  const claimed = await bench.stands('S')
  expect(claimed).toMatchObject({ claims: [{ owner: 'a', expiresInMs: CLAIM - 2_000 }], ending: [] })
  const confirmed = await bench.stands('S', ['a'])
  expect(confirmed).toMatchObject({ confirmed: ['a'], claims: [] })
  expect(confirmed.ending).toMatchObject([{ owner: 'a', reason: 'revoked', expiresInMs: LEASE - 2_000 }])
  await bench.pass(LEASE - 2_000)
  expect((await bench.stands('S')).ended).toMatchObject([{ owner: 'a', reason: 'revoked' }])
})

test('no hold of a session ends before what it promised when it did not have that yet', async () => {
  const bench = new SessionBench()
  await bench.run('S', [])
  // A heartbeat that was sent after the acquire and overtook it: the client counts with it for what is granted then.
  const { expiresInMs } = await bench.stands('S')
  const promised = bench.clock.now() + expiresInMs
  const principal = { ...ANYBODY, maxHoldMs: 1_000 }
  const { outcomes, standing } = await bench.run('S', [take('a')], { principal })
  expect(outcomes).toMatchObject([{ kind: 'granted', ending: 'revoked' }])
  expect(standing.ending).toMatchObject([{ owner: 'a', reason: 'revoked' }])
  await bench.pass(promised - bench.clock.now() - 1)
  expect((await bench.stands('S')).ending).toMatchObject([{ owner: 'a' }])
  expect((await bench.inspect()).mode).toBe('exclusive')
  await bench.pass(1)
  expect((await bench.inspect()).mode).toBeNull()
})

test('of the holds of a session each has a bound of its own', async () => {
  const bench = new SessionBench()
  const commands = [take('long', { name: 'x' })]
  await bench.run('S', commands, { principal: { ...ANYBODY, maxHoldMs: 2 * HOLD } })
  await bench.run('S', [take('a', { name: 'y' })], { principal: bounded })
  await bench.run('S', [take('left', { name: 'z' })], { principal: { ...ANYBODY, maxHoldMs: LEASE + 1 } })
  await bench.run('S', [leave('left', 'z')])
  const endings: string[][] = []
  for (let passed = 0; passed < 2 * HOLD; passed += 10_000) {
    await bench.pass(10_000)
    endings.push((await bench.stands('S')).ending.map(({ owner }) => owner))
  }
  const told = (owner: string) =>
    endings.flatMap((owners, index) => (owners.includes(owner) ? 10_000 * (index + 1) : []))
  expect([told('a')[0], told('a').at(-1)]).toEqual([HOLD - LEASE, HOLD - 10_000])
  expect([told('long')[0], told('long').at(-1)]).toEqual([2 * HOLD - LEASE, 2 * HOLD - 10_000])
  expect(told('left')).toEqual([])
})

test('a subject has room for so many locks, waiters of it included', async () => {
  const bench = new SessionBench()
  const alice = subject('alice', { locks: 3 })
  await bench.acquire('bob', { name: 'taken', principal: subject('bob') })
  await bench.acquire('a', { name: 'one', principal: alice })
  await bench.run('S', [take('b', { name: 'two' })], { principal: alice })
  expect((await bench.queue('c', { name: 'taken', principal: alice })).kind).toBe('queued')
  const full = { kind: 'full', limit: 'locksPerToken', most: 3 }
  expect(await bench.acquire('d', { name: 'three', principal: alice })).toEqual(full)
  expect(await bench.queue('d', { name: 'taken', principal: alice })).toEqual(full)
  expect(await bench.do('S', take('d', { name: 'three' }), { principal: alice })).toEqual(full)
  expect(await bench.acquire(null, { name: 'three', principal: alice })).toEqual(full)
  // Those who hold and wait already go on, others and other namespaces too.
  expect((await bench.acquire('a', { name: 'one', principal: alice })).kind).toBe('granted')
  expect((await bench.queue('c', { name: 'taken', principal: alice })).kind).toBe('queued')
  expect((await bench.acquire('e', { name: 'three', principal: subject('bob') })).kind).toBe('granted')
  expect((await bench.acquire('d', { namespace: 'other', name: 'x', principal: alice })).kind).toBe('granted')
  // Of its own it may take over at once, which makes nothing more.
  expect((await bench.acquire('f', { name: 'one', steal: 'now', principal: alice })).kind).toBe('granted')
  await bench.end('S')
  expect((await bench.acquire('g', { name: 'two', principal: alice })).kind).toBe('granted')
  expect(await bench.acquire('h', { name: 'four', principal: alice })).toEqual(full)
})

test('a subject has room for so many waiters, and room is made by a grant and by leaving', async () => {
  const bench = new StoreBench()
  const alice = subject('alice', { waiters: 1 })
  await bench.acquire('x')
  expect((await bench.queue('a', { principal: alice })).kind).toBe('queued')
  expect(await bench.queue('b', { principal: alice })).toEqual({ kind: 'full', limit: 'waitersPerToken', most: 1 })
  expect((await bench.queue('a', { principal: alice, steal: 'safe' })).kind).toBe('queued')
  expect((await bench.queue('b', { principal: subject('bob', { waiters: 1 }) })).kind).toBe('queued')
  await bench.release('x')
  expect((await bench.queue('c', { principal: alice })).kind).toBe('queued')
  await bench.release('c')
  expect((await bench.queue('d', { principal: alice, waitMs: 1 })).kind).toBe('queued')
  await bench.pass(CLAIM + 1)
  expect((await bench.queue('e', { principal: alice })).kind).toBe('queued')
})

test('the locks of a namespace are listed by name, page by page', async () => {
  const bench = new StoreBench()
  const names = ['b/1', 'b/2', 'b/3', 'b/4', 'a', 'c']
  for (const name of names) await bench.acquire(`owner of ${name}`, { name, info: name })
  await bench.queue('waiter', { name: 'b/2' })
  await bench.acquire('elsewhere', { namespace: 'other', name: 'b/0' })
  const step = { namespace: '', prefix: 'b/', after: null, limit: 3 }
  const first = await bench.store.list(step)
  expect(first.locks.map(({ name }) => name)).toEqual(['b/1', 'b/2', 'b/3'])
  expect(first.next).toBe('b/3')
  expect(first.locks[1]).toEqual({ name: 'b/2', ...(await bench.inspect('b/2')), waiters: 1 })
  const second = await bench.store.list({ ...step, after: first.next })
  expect(second).toMatchObject({ locks: [{ name: 'b/4', mode: 'exclusive' }], next: null })
  const all = await bench.store.list({ ...step, prefix: '', limit: 1_000 })
  expect([all.locks.map(({ name }) => name), all.next]).toEqual([[...names].sort(), null])
})

test('a page has no more than a thousand locks, nor so many holders, and pages miss nobody', async () => {
  const bench = new StoreBench()
  const owners = Array.from({ length: 20 }, (_, index) => `${index}`)
  const names = Array.from({ length: 120 }, (_, index) => `n${String(index).padStart(3, '0')}`)
  for (const name of names) {
    for (const owner of owners) await bench.acquire(`${name}.${owner}`, { name, mode: 'shared' })
  }
  const seen: string[] = []
  const sizes: number[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page = await bench.store.list({ namespace: '', prefix: '', after: after ?? null, limit: 5_000 })
    seen.push(...page.locks.map(({ name }) => name))
    sizes.push(page.locks.length)
    after = page.next
  }
  expect(seen).toEqual(names)
  expect(sizes).toEqual([50, 50, 20])
})

test('a list makes nothing grow', async () => {
  const bench = new StoreBench({ limits: { locks: 1 } })
  const nothing = { locks: [], next: null }
  expect(await bench.store.list({ namespace: 'x', prefix: 'y', after: 'z', limit: 1 })).toEqual(nothing)
  expect(await bench.store.list({ namespace: '', prefix: '', after: null, limit: 1 })).toEqual(nothing)
  expect((await bench.acquire('a')).kind).toBe('granted')
})

test('a list shows nobody whose lease has run out, though no timer has fired', async () => {
  const clock = { time: 0, now: () => clock.time, wall: () => clock.time, setTimer: () => () => undefined }
  const store = createMemoryStore({ clock })
  const asked = {
    principal: ANYBODY,
    waitMs: 0,
    mode: 'exclusive',
    ifAvailable: false,
    steal: null,
    info: null,
  } as const
  for (const name of ['a', 'b', 'c', 'x/a', 'x/b', 'x/c']) {
    await store.acquire({ namespace: '', name, owner: name, leaseMs: name.endsWith('c') ? LEASE : 1_000, ...asked })
  }
  clock.time = 1_000
  const step = { namespace: '', prefix: '', after: null, limit: 1 }
  const first = await store.list(step)
  expect(first).toMatchObject({ locks: [], next: 'b' })
  expect(await store.list({ ...step, after: first.next })).toMatchObject({ locks: [{ name: 'c' }], next: 'x/a' })
  expect(await store.list({ ...step, prefix: 'x/', limit: 2 })).toMatchObject({ locks: [{ name: 'x/c' }], next: null })
})

test('a forced release refuses renewals, and hands over at the end of the lease', async () => {
  const bench = new StoreBench()
  await bench.acquire('a')
  await bench.queue('b', { waitMs: LEASE })
  const step = { namespace: '', name: 'k', how: 'ending' } as const
  expect(await bench.store.endHolders(step)).toBe(1)
  await bench.pass(20_000)
  expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', ending: 'revoked', expiresInMs: 40_000 })
  // Once more does nothing more.
  expect(await bench.store.endHolders(step)).toBe(1)
  await bench.pass(39_999)
  expect(bench.changed).toEqual([])
  await bench.pass(1)
  expect(bench.changed).toEqual(['b'])
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'revoked' })
  expect(await bench.store.endHolders({ ...step, name: 'free' })).toBe(0)
})

test('a release that is forced at once hands over in the same step', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a', { mode: 'shared' })])
  await bench.acquire('b', { mode: 'shared' })
  await bench.queue('next')
  bench.changed.length = 0
  expect(await bench.store.endHolders({ namespace: '', name: 'k', how: 'now' })).toBe(2)
  expect(bench.changed).toEqual(['a', 'next'])
  expect(await bench.attend('next')).toMatchObject({ kind: 'granted', claim: true })
  expect(await bench.renew('b')).toEqual({ kind: 'ended', reason: 'revoked' })
  expect(await bench.acquire('b', { mode: 'shared' })).toEqual({ kind: 'spent', reason: 'revoked' })
  expect((await bench.stands('S')).ended).toEqual([{ owner: 'a', name: 'k', reason: 'revoked' }])
  expect(await bench.release('a')).toEqual({ kind: 'ended', reason: 'revoked' })
  expect((await bench.stands('S')).ended).toEqual([])
})

test('a forced release tells a session of the end, a claim of it too', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.release('holder')
  await bench.store.endHolders({ namespace: '', name: 'k', how: 'ending' })
  await bench.pass(1_000)
  const standing = await bench.stands('S', ['a'])
  expect(standing).toMatchObject({ confirmed: ['a'], ending: [{ owner: 'a', reason: 'revoked', expiresInMs: 4_000 }] })
  await bench.pass(4_000)
  expect((await bench.inspect()).mode).toBeNull()
})

test('revoking a subject fixes the end of all that it holds, in every namespace, and of nobody else', async () => {
  const bench = new SessionBench()
  const alice = subject('alice')
  await bench.acquire('a', { principal: alice })
  await bench.acquire('b', { name: 'two', namespace: 'other', principal: alice })
  await bench.run('S', [take('c', { name: 'three' })], { principal: alice })
  await bench.run('S', [take('d', { name: 'four' })], { principal: subject('bob') })
  await bench.acquire('e', { name: 'five' })
  expect(await bench.store.revoke({ subject: 'alice' })).toEqual({ holders: 3, waiters: 0 })
  await bench.pass(10_000)
  const left = { ending: 'revoked', expiresInMs: LEASE - 10_000 }
  expect(await bench.renew('a')).toMatchObject(left)
  const [other] = await bench.store.renew([{ namespace: 'other', name: 'two', owner: 'b', leaseMs: null }])
  expect(other).toMatchObject(left)
  expect((await bench.stands('S')).ending).toMatchObject([
    { owner: 'c', reason: 'revoked', expiresInMs: LEASE - 10_000 },
  ])
  await bench.pass(LEASE - 10_000)
  expect((await bench.stands('S')).ended).toEqual([{ owner: 'c', name: 'three', reason: 'revoked' }])
  expect(await bench.renew('a')).toEqual({ kind: 'ended', reason: 'revoked' })
  expect((await bench.inspect('four')).mode).toBe('exclusive')
})

test('revoking a subject removes its waiters, and lets those behind them through', async () => {
  const bench = new SessionBench()
  const alice = subject('alice')
  await bench.acquire('r', { mode: 'shared' })
  await bench.queue('writer', { principal: alice, waitMs: WAIT })
  await bench.queue('reader', { mode: 'shared' })
  await bench.acquire('x', { name: 'other' })
  await bench.run('S', [take('w', { name: 'other' })], { principal: alice })
  expect(await bench.store.revoke({ subject: 'alice' })).toEqual({ holders: 0, waiters: 2 })
  expect(bench.changed).toEqual(['writer', 'reader', 'w'])
  expect(await bench.attend('writer')).toEqual({ kind: 'spent', reason: 'revoked' })
  expect(await bench.attend('reader')).toMatchObject({ kind: 'granted' })
  expect((await bench.inspect('other')).waiters).toBe(0)
  const standing = await bench.stands('S')
  expect(standing).toMatchObject({ isWaiting: false, ended: [{ owner: 'w', name: 'other', reason: 'revoked' }] })
  expect(await bench.do('S', take('w', { name: 'other' }))).toEqual({ kind: 'spent', reason: 'revoked' })
  await bench.run('S', [leave('w', 'other')])
  expect((await bench.stands('S')).ended).toEqual([])
  // Nothing is kept against it.
  expect((await bench.acquire('again', { name: 'new', principal: alice })).kind).toBe('granted')
  expect(await bench.store.revoke({ subject: 'nobody' })).toEqual({ holders: 0, waiters: 0 })
})

test('what is known of holds and quotas is in the image of a store', async () => {
  const clock = new VirtualClock()
  const store = new StoreInMemory({ clock })
  const principal = { subject: 'alice', maxHoldMs: HOLD, quota: { locks: 3, waiters: 1 } }
  const execute = (of: StoreInMemory, seq: number, commands: readonly StoreCommand[]) =>
    of.execute({
      namespace: '',
      session: 'S',
      principal,
      open: { leaseMs: LEASE, info: null },
      seq,
      confirm: [],
      commands,
    })
  await execute(store, 1, [take('a'), take('b', { name: 'left' }), take('c', { name: 'stays' }), leave('b', 'left')])
  await execute(store, 2, [take('w')])
  const other = new StoreInMemory({ clock }, { image: store.image() })
  expect(other.image()).toEqual(store.image())
  const full = { kind: 'full', limit: 'locksPerToken', most: 3 }
  expect(await execute(other, 3, [take('d', { name: 'more' })])).toMatchObject({ outcomes: [full] })
  for (const each of [store, other]) await each.renewSession({ session: 'S', confirm: [] })
  for (let passed = 0; passed < HOLD - LEASE; passed += LEASE / 2) {
    clock.advance(LEASE / 2)
    for (const each of [store, other]) await each.renewSession({ session: 'S', confirm: [] })
  }
  const endings = [{ owner: 'a' }, { owner: 'c' }]
  expect(await other.renewSession({ session: 'S', confirm: [] })).toMatchObject({ ending: endings })
  expect(await other.revoke({ subject: 'alice' })).toEqual({ holders: 2, waiters: 1 })
})
