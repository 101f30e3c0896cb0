import { expect, test } from 'vitest'
import { leave, SessionBench, take } from './session-bench.ts'
import { LEASE } from './store-bench.ts'

const TICKET = 5_000
const CLAIM = 5_000

test('the first commands open a session, and what they acquire lives as long as it', async () => {
  const bench = new SessionBench()
  const { outcomes, standing } = await bench.run('S', [take('a'), take('b', { name: 'other' })])
  expect(outcomes).toEqual([
    {
      kind: 'granted',
      fencingToken: expect.any(Number),
      leaseMs: LEASE,
      expiresInMs: LEASE,
      claim: false,
      ending: null,
    },
    expect.objectContaining({ kind: 'granted', claim: false }),
  ])
  expect(standing).toEqual({
    kind: 'standing',
    epoch: expect.any(Number),
    leaseMs: LEASE,
    expiresInMs: LEASE,
    confirmed: [],
    claims: [],
    ending: [],
    ended: [],
    isWaiting: false,
  })
  await bench.pass(LEASE - 1)
  expect((await bench.inspect()).holders).toMatchObject([{ expiresInMs: 1 }])
  expect((await bench.inspect('other')).mode).toBe('exclusive')
  await bench.pass(1)
  expect((await bench.inspect()).mode).toBeNull()
  expect((await bench.inspect('other')).mode).toBeNull()
})

test('commands and heartbeats renew all that a session holds; asking how it stands, refusals and releases do not', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')])
  await bench.pass(20_000)
  expect((await bench.stands('S')).expiresInMs).toBe(LEASE)
  await bench.pass(20_000)
  expect((await bench.run('S', [])).standing.expiresInMs).toBe(LEASE)
  await bench.pass(20_000)
  expect((await bench.peek('S')).expiresInMs).toBe(40_000)
  expect(await bench.execute('S', [], { seq: 1 })).toEqual({ kind: 'seq-spent', highest: 2 })
  await bench.release('a')
  await bench.renew('a')
  expect((await bench.peek('S')).expiresInMs).toBe(40_000)
})

test('each session has an epoch of its own, which stays', async () => {
  const bench = new SessionBench()
  const first = await bench.run('S', [])
  const second = await bench.run('T', [])
  bench.clock.setWall(0)
  const third = await bench.run('U', [])
  const epochs = [first, second, third].map(({ standing }) => standing.epoch)
  expect(new Set(epochs).size).toBe(3)
  expect(epochs.every(Number.isSafeInteger)).toBe(true)
  await bench.pass(1_000)
  expect([(await bench.stands('S')).epoch, (await bench.run('S', [])).standing.epoch]).toEqual([epochs[0], epochs[0]])
})

test('an attempt that comes after a later one does nothing at all', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')], { seq: 7 })
  for (const seq of [7, 6, 0]) {
    await bench.pass(1_000)
    expect(await bench.execute('S', [leave('a'), take('b', { name: 'other' })], { seq })).toEqual({
      kind: 'seq-spent',
      highest: 7,
    })
  }
  expect((await bench.inspect()).mode).toBe('exclusive')
  expect((await bench.inspect('other')).mode).toBeNull()
  expect((await bench.peek('S')).expiresInMs).toBe(LEASE - 3_000)
  expect((await bench.execute('S', [], { seq: 8 + 2 ** 32 })).kind).toBe('executed')
})

test('a session is known only once it is opened, and only to its own namespace', async () => {
  const bench = new SessionBench()
  const unknown = { kind: 'session-gone', reason: 'unknown' }
  expect(await bench.execute('S', [take('a')], { open: null })).toEqual(unknown)
  expect(await bench.beat('S')).toEqual(unknown)
  expect(await bench.follow('S', 0)).toEqual(unknown)
  await bench.run('S', [take('a')])
  expect(await bench.execute('S', [take('b')], { namespace: 'other' })).toEqual(unknown)
  expect((await bench.inspect()).waiters).toBe(0)
  // Opened again by a retry: ignored.
  expect((await bench.run('S', [], { open: { leaseMs: 1_000, info: null } })).standing.leaseMs).toBe(LEASE)
})

test('a session that lapses drops all its locks and places together, and is remembered', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder', { name: 'held', leaseMs: 10 * LEASE })
  await bench.run('S', [take('a'), take('b', { name: 'two' }), take('w', { name: 'held' })])
  await bench.queue('next', { waitMs: 2 * LEASE })
  await bench.pass(LEASE)
  expect(bench.changed).toContain('next')
  expect((await bench.inspect('two')).mode).toBeNull()
  expect((await bench.inspect('held')).waiters).toBe(0)
  expect(await bench.acquire('a')).toEqual({ kind: 'spent', reason: 'expired' })
  expect(await bench.acquire('w', { name: 'held' })).toEqual({ kind: 'spent', reason: 'expired' })
  const gone = { kind: 'session-gone', reason: 'expired' }
  expect(await bench.beat('S')).toEqual(gone)
  expect(await bench.execute('S', [take('c')])).toEqual(gone)
  expect(await bench.follow('S', 1)).toEqual(gone)
  expect(await bench.end('S')).toEqual({ kind: 'ended', reason: 'expired' })
})

test('an idle session lapses like any other', async () => {
  const bench = new SessionBench()
  await bench.run('S', [])
  await bench.pass(LEASE)
  expect(await bench.beat('S')).toEqual({ kind: 'session-gone', reason: 'expired' })
  expect(bench.clock.timers).toBe(0)
})

test('a session lapses by the monotonic clock, also where its timer is late', async () => {
  const late = new SessionBench()
  // A timer that never fires, as in a process that has been stopped.
  late.clock.setTimer = () => () => undefined
  await late.run('S', [take('a')])
  await late.run('T', [take('b')])
  late.clock.advance(LEASE - 1)
  await late.run('T', [])
  late.clock.advance(1)
  expect((await late.peek('T')).claims).toMatchObject([{ owner: 'b', name: 'k' }])
  expect(await late.beat('S')).toEqual({ kind: 'session-gone', reason: 'expired' })
})

test('of sessions that lapse at once, none is granted what another one leaves', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')])
  await bench.run('T', [take('b')])
  await bench.follow('T', 2 * LEASE)
  await bench.run('U', [take('c')], { open: { leaseMs: 2 * LEASE, info: null } })
  await bench.follow('U', 2 * LEASE)
  await bench.pass(LEASE)
  expect((await bench.peek('U')).claims).toMatchObject([{ owner: 'c' }])
  // Told once, of its end.
  expect(bench.changed.filter((owner) => owner === 'b')).toHaveLength(1)
  expect(await bench.acquire('b')).toEqual({ kind: 'spent', reason: 'expired' })
})

test('ending a session hands its locks over at once, and can be repeated', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a'), take('b', { name: 'two' })])
  await bench.run('T', [take('c'), take('d', { name: 'two' })])
  // Its own places go first, or it would be granted what it gives up.
  await bench.run('S', [take('e', { name: 'two' })])
  expect(await bench.end('S')).toEqual({ kind: 'released' })
  expect((await bench.peek('T')).claims.map(({ owner }) => owner)).toEqual(['c', 'd'])
  expect(await bench.end('S')).toEqual({ kind: 'released' })
  expect(await bench.beat('S')).toEqual({ kind: 'session-gone', reason: 'released' })
  expect(await bench.acquire('e', { name: 'two' })).toEqual({ kind: 'spent', reason: 'released' })
  expect((await bench.inspect('two')).waiters).toBe(0)
})

test('what opens a session comes too late when that was ended before', async () => {
  const bench = new SessionBench()
  expect(await bench.end('S')).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.end('S')).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.execute('S', [take('a')])).toEqual({ kind: 'session-gone', reason: 'unknown' })
  expect((await bench.inspect()).mode).toBeNull()
  await bench.pass(5 * 60_000)
  expect((await bench.execute('S', [take('a')])).kind).toBe('executed')
})

test('a session that is over is remembered for as long as the longest lease', async () => {
  const bench = new SessionBench()
  await bench.run('S', [], { open: { leaseMs: 3_600_000, info: null } })
  await bench.end('S')
  await bench.pass(3_600_000 - 1)
  expect(await bench.beat('S')).toEqual({ kind: 'session-gone', reason: 'released' })
})

test('an acquire that must wait takes a place at once, and with if_available it does not', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  const { outcomes, standing } = await bench.run('S', [take('a', { ifAvailable: true }), take('b')])
  expect(outcomes).toMatchObject([
    { kind: 'refused', holders: [{ mode: 'exclusive' }] },
    { kind: 'queued', position: 1 },
  ])
  expect(standing.isWaiting).toBe(true)
  expect((await bench.inspect()).waiters).toBe(1)
})

test('a grant out of the queue is a claim, which is told until it is confirmed by name', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.pass(1_000.5)
  await bench.release('holder')
  await bench.pass(1_000)
  const claim = { owner: 'a', name: 'k', fencingToken: expect.any(Number), expiresInMs: CLAIM - 1_000, waitedMs: 2_000 }
  expect((await bench.peek('S')).claims).toEqual([claim])
  expect((await bench.stands('S')).claims).toEqual([claim])
  expect((await bench.run('S', [])).standing.claims).toEqual([claim])
  // Of another session, never heard of, and never granted: none of them is confirmed.
  const standing = await bench.stands('S', ['a', 'holder', 'nobody', 'a'])
  expect([standing.confirmed, standing.claims]).toEqual([['a'], []])
  // A repetition is harmless.
  expect((await bench.run('S', [], { confirm: ['a'] })).standing.confirmed).toEqual(['a'])
  await bench.pass(LEASE - 1)
  expect((await bench.inspect()).holders).toMatchObject([{ expiresInMs: 1 }])
})

test('renewing the session alone does not keep a claim', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.queue('next')
  await bench.release('holder')
  for (let second = 0; second < 4; second += 1) {
    await bench.pass(1_000)
    await bench.stands('S')
  }
  await bench.pass(999)
  expect((await bench.stands('S')).claims).toMatchObject([{ expiresInMs: 1 }])
  await bench.pass(1)
  const standing = await bench.stands('S', ['a'])
  expect(standing).toMatchObject({ confirmed: [], claims: [], ended: [{ owner: 'a', name: 'k', reason: 'expired' }] })
  expect(await bench.attend('next')).toMatchObject({ kind: 'granted' })
})

test('a claim is never longer than what is left of its session', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.follow('S', LEASE)
  await bench.pass(LEASE - 2_000)
  await bench.release('holder')
  expect((await bench.follow('S', 1)).kind).toBe('standing')
  expect((await bench.peek('S')).claims).toMatchObject([{ expiresInMs: 2_000 }])
  await bench.pass(2_000)
  expect((await bench.inspect()).mode).toBeNull()
})

test('a claim that runs out when no timer fires cannot be confirmed any more', async () => {
  const early = new SessionBench()
  early.clock.setTimer = () => () => undefined
  await early.acquire('holder')
  await early.run('S', [take('a')])
  await early.release('holder')
  early.clock.advance(CLAIM)
  expect(await early.stands('S', ['a'])).toMatchObject({ confirmed: [], ended: [{ owner: 'a', reason: 'expired' }] })

  const late = new SessionBench()
  late.clock.setTimer = () => () => undefined
  await late.acquire('holder')
  await late.run('S', [take('a')])
  await late.release('holder')
  late.clock.advance(CLAIM)
  expect(await late.peek('S')).toMatchObject({ claims: [], ended: [{ owner: 'a', reason: 'expired' }] })
  expect(await late.stands('S', ['a'])).toMatchObject({ confirmed: [], ended: [{ owner: 'a', reason: 'expired' }] })
})

test('a confirmation and a release of the same owner in one request leave it released', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.release('holder')
  const { standing } = await bench.run('S', [leave('a')], { confirm: ['a'] })
  expect(standing).toMatchObject({ confirmed: [], claims: [], ended: [] })
})

test('what ends by something else than its release is told until it is released', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a'), take('b', { name: 'two' })])
  await bench.acquire('thief', { steal: 'now' })
  const ended = [{ owner: 'a', name: 'k', reason: 'stolen' }]
  expect((await bench.peek('S')).ended).toEqual(ended)
  expect((await bench.stands('S')).ended).toEqual(ended)
  expect((await bench.run('S', [])).standing.ended).toEqual(ended)
  const { outcomes, standing } = await bench.run('S', [leave('a'), leave('b', 'two')])
  expect(outcomes).toEqual([{ kind: 'ended', reason: 'stolen' }, { kind: 'released' }])
  expect(standing.ended).toEqual([])
})

test('a release beside the pipe is the own release, and acknowledges an end too', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a'), take('b', { name: 'two' }), take('w', { name: 'two' })])
  const release = (owner: string, name: string) => bench.store.release({ namespace: '', name, owner })
  expect(await release('w', 'two')).toEqual({ kind: 'released' })
  expect(await release('b', 'two')).toEqual({ kind: 'released' })
  expect(await bench.peek('S')).toMatchObject({ ended: [], isWaiting: false })
  await bench.acquire('thief', { steal: 'now' })
  expect(await release('a', 'k')).toEqual({ kind: 'ended', reason: 'stolen' })
  expect((await bench.peek('S')).ended).toEqual([])
  expect(await bench.do('S', leave('b', 'two'))).toEqual({ kind: 'released' })
})

test('the same owner again gets the same answer again', async () => {
  const bench = new SessionBench()
  const granted = await bench.do('S', take('a'))
  await bench.pass(1_000)
  expect(await bench.do('S', take('a'))).toEqual(granted)
  await bench.run('T', [take('b')])
  await bench.run('U', [take('c')])
  expect(await bench.do('T', take('b'))).toMatchObject({ kind: 'queued', position: 1 })
  await bench.release('a')
  const claim = { kind: 'granted', claim: true }
  expect(await bench.do('T', take('b'))).toMatchObject({ ...claim, expiresInMs: CLAIM })
  await bench.pass(1_000)
  expect(await bench.do('T', take('b'))).toMatchObject({ ...claim, expiresInMs: CLAIM - 1_000 })
  expect(await bench.do('S', take('a'))).toEqual({ kind: 'spent', reason: 'released' })
})

test('an owner that asks for something else is a conflict', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')])
  await bench.run('T', [take('w'), take('shared', { name: 'two', mode: 'shared' })])
  await bench.acquire('single', { name: 'three' })
  const conflict = (member: string) => ({ kind: 'conflict', member })
  expect(await bench.do('S', take('a', { mode: 'shared' }))).toEqual(conflict('mode'))
  expect(await bench.do('S', take('a', { name: 'other' }))).toEqual(conflict('name'))
  expect(await bench.do('T', take('w', { name: 'other' }))).toEqual(conflict('name'))
  expect(await bench.do('T', take('w', { ifAvailable: true }))).toEqual(conflict('if_available'))
  // Another session, or none.
  expect(await bench.do('T', take('a'))).toEqual(conflict('session'))
  expect(await bench.do('S', take('w'))).toEqual(conflict('session'))
  expect(await bench.do('S', take('single', { name: 'three' }))).toEqual(conflict('session'))
  expect(await bench.acquire('a')).toEqual(conflict('session'))
  expect(await bench.queue('w')).toEqual(conflict('session'))
  await bench.acquire('thief', { steal: 'now' })
  expect(await bench.do('S', take('a', { name: 'other' }))).toEqual(conflict('name'))
  expect((await bench.inspect('other')).mode).toBeNull()
})

test('a heartbeat of a single owner renews and confirms nothing of a session', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')])
  await bench.pass(20_000)
  expect(await bench.renew('a', 10 * LEASE)).toMatchObject({ kind: 'renewed', leaseMs: LEASE, expiresInMs: 40_000 })
  await bench.run('S', [take('b')])
  await bench.release('a')
  expect(await bench.renew('b')).toMatchObject({ kind: 'renewed', expiresInMs: CLAIM })
  expect((await bench.peek('S')).claims).toHaveLength(1)
  await bench.pass(CLAIM)
  expect(await bench.renew('b')).toEqual({ kind: 'ended', reason: 'expired' })
})

test('a poll of a single owner finds how a waiter of a session stands, and prolongs nothing', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  expect(await bench.attend('a', LEASE)).toMatchObject({ kind: 'queued', position: 1 })
  expect(await bench.attend('a', 0)).toMatchObject({ kind: 'queued', position: 1 })
  await bench.pass(TICKET)
  await bench.release('holder')
  expect(await bench.inspect()).toMatchObject({ mode: null, waiters: 1 })
})

test('a release that comes before the acquire leaves a tombstone', async () => {
  const bench = new SessionBench()
  expect(await bench.do('S', leave('a'))).toEqual({ kind: 'ended', reason: 'unknown' })
  expect(await bench.do('S', take('a'))).toEqual({ kind: 'spent', reason: 'unknown' })
})

test('a safe steal fixes the end of what a session holds: the session goes on, and the lock changes hands', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a'), take('b', { name: 'two' })])
  await bench.pass(10_000)
  await bench.queue('thief', { steal: 'safe', waitMs: LEASE, info: 'Alice' })
  expect(bench.changed).toEqual(['a'])
  await bench.pass(10_000)
  const standing = await bench.stands('S')
  expect(standing).toMatchObject({
    expiresInMs: LEASE,
    ending: [{ owner: 'a', name: 'k', reason: 'stolen', expiresInMs: 40_000, successor: { info: 'Alice' } }],
  })
  expect(await bench.do('S', take('a'))).toMatchObject({ kind: 'granted', expiresInMs: 40_000, ending: 'stolen' })
  await bench.pass(39_999)
  expect((await bench.stands('S', ['a'])).confirmed).toEqual(['a'])
  await bench.pass(1)
  expect(await bench.attend('thief')).toMatchObject({ kind: 'granted', claim: true })
  const after = await bench.stands('S')
  expect(after).toMatchObject({ ending: [], ended: [{ owner: 'a', name: 'k', reason: 'stolen' }] })
  expect((await bench.inspect('two')).mode).toBe('exclusive')
})

test('a claim whose end is fixed can be confirmed, and keeps that end', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  await bench.release('holder')
  await bench.pass(1_000)
  await bench.run('T', [take('thief', { steal: 'safe' })])
  expect(await bench.stands('S', ['a'])).toMatchObject({
    confirmed: ['a'],
    claims: [],
    ending: [{ owner: 'a', reason: 'stolen', expiresInMs: CLAIM - 1_000 }],
  })
  await bench.pass(CLAIM - 1_000)
  expect((await bench.stands('T')).claims).toMatchObject([{ owner: 'thief' }])
})

test('a session steals at once, and a waiter may turn to stealing', async () => {
  const bench = new SessionBench()
  await bench.run('S', [take('a')])
  expect(await bench.do('T', take('b'))).toMatchObject({ kind: 'queued' })
  expect(await bench.do('T', take('b', { steal: 'now' }))).toMatchObject({ kind: 'granted', claim: false })
  expect(await bench.stands('T')).toMatchObject({ isWaiting: false, claims: [] })
  expect((await bench.stands('S')).ended).toMatchObject([{ owner: 'a', reason: 'stolen' }])
})

test('one run of shared waiters is granted together, over sessions and single owners', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('s1', { mode: 'shared' })])
  await bench.queue('s2', { mode: 'shared' })
  await bench.run('T', [take('s3', { mode: 'shared' }), take('x')])
  await bench.run('S', [take('s4', { mode: 'shared' })])
  bench.changed.length = 0
  await bench.release('holder')
  expect(bench.changed).toEqual(['s1', 's2', 's3'])
  expect((await bench.peek('S')).claims.map(({ owner }) => owner)).toEqual(['s1'])
})

test('a query lists what is held or waited for in the namespace, by name', async () => {
  const bench = new SessionBench()
  await bench.acquire('a', { name: 'job/2', info: 'Alice' })
  await bench.acquire(null, { name: 'job/1' })
  await bench.acquire('c', { name: 'other' })
  await bench.acquire('d', { name: 'job/3', namespace: 'elsewhere' })
  await bench.run('S', [take('w', { name: 'job/2' })])
  const query = (prefix: string) => bench.do('S', { op: 'query', prefix })
  expect(await query('job/')).toEqual({
    kind: 'snapshot',
    locks: [
      { name: 'job/1', holders: [expect.objectContaining({ mode: 'exclusive' })], waiters: 0 },
      { name: 'job/2', holders: [expect.objectContaining({ info: 'Alice' })], waiters: 1 },
    ],
    isTruncated: false,
  })
  expect(await query('nothing')).toEqual({ kind: 'snapshot', locks: [], isTruncated: false })
  expect(await query('')).toMatchObject({ locks: [{ name: 'job/1' }, { name: 'job/2' }, { name: 'other' }] })
})

test('a query lists a thousand locks, the first of them', async () => {
  const bench = new SessionBench()
  const names = Array.from({ length: 5_000 }, (_, index) => `n${String((index * 7_919) % 5_000).padStart(4, '0')}`)
  for (const name of names) await bench.acquire(name, { name })
  const outcome = await bench.do('S', { op: 'query', prefix: 'n' })
  if (outcome.kind !== 'snapshot') throw new Error(outcome.kind)
  expect(outcome.locks.map(({ name }) => name)).toEqual([...names].sort().slice(0, 1_000))
  expect(outcome.isTruncated).toBe(true)
  expect(await bench.do('S', { op: 'query', prefix: 'n0' })).toMatchObject({ isTruncated: false })
})

test('a sync lists what the session holds and waits for, and nothing of others', async () => {
  const bench = new SessionBench()
  await bench.run('T', [take('other'), take('claimed', { name: 'two' })])
  const { outcomes } = await bench.run('S', [take('h', { name: 'one' }), take('w'), take('c', { name: 'two' })])
  await bench.release('other')
  await bench.acquire('thief', { name: 'one', steal: 'now' })
  await bench.store.release({ namespace: '', name: 'two', owner: 'claimed' })
  await bench.run('S', [take('q', { name: 'one' })])
  expect(outcomes.map(({ kind }) => kind)).toEqual(['granted', 'queued', 'queued'])
  expect(await bench.do('S', { op: 'sync' })).toEqual({
    kind: 'synced',
    holds: [
      { owner: 'w', name: 'k', fencingToken: expect.any(Number) },
      { owner: 'c', name: 'two', fencingToken: expect.any(Number) },
    ],
    waits: [{ owner: 'q', name: 'one' }],
  })
})

test('the info of a session is that of its holders, unless they have one of their own', async () => {
  const bench = new SessionBench()
  const open = { leaseMs: LEASE, info: 'Alice' }
  await bench.run('S', [take('a'), take('b', { name: 'two', info: 'Alice, upload' })], { open })
  expect((await bench.inspect()).holders).toMatchObject([{ info: 'Alice' }])
  expect((await bench.inspect('two')).holders).toMatchObject([{ info: 'Alice, upload' }])
})

test('the store hints at grants, ends and fixed ends of a session, and names it', async () => {
  const bench = new SessionBench()
  const hints: string[] = []
  bench.store.watch(({ name, owner, session }) => hints.push(`${name} ${owner} ${session}`))
  await bench.acquire('holder')
  await bench.run('S', [take('a')])
  expect(hints).toEqual([])
  await bench.release('holder')
  expect(hints.splice(0)).toEqual(['k a S'])
  await bench.stands('S', ['a'])
  await bench.queue('thief', { steal: 'safe' })
  expect(hints.splice(0)).toEqual(['k a S'])
  await bench.pass(30_000)
  await bench.attend('thief', 60_000)
  await bench.pass(30_000)
  expect(hints).toContain('k a S')
  expect(hints).toContain('k thief null')
})

test('during the grace period a session waits, and is granted in its turn afterwards', async () => {
  const bench = new SessionBench({ grace: 10_000 })
  expect(await bench.do('S', take('a'))).toMatchObject({ kind: 'queued', graceMs: 10_000 })
  await bench.follow('S', 10_000)
  await bench.pass(10_000)
  expect((await bench.peek('S')).claims).toMatchObject([{ owner: 'a', waitedMs: 10_000 }])
})

test('a namespace has room for so many sessions, and room is made by their end', async () => {
  const bench = new SessionBench({ limits: { sessions: 1 } })
  await bench.run('S', [])
  expect(await bench.execute('T', [take('a')])).toEqual({ kind: 'full', limit: 'sessions', most: 1 })
  expect((await bench.inspect()).mode).toBeNull()
  expect((await bench.execute('U', [], { namespace: 'other' })).kind).toBe('executed')
  expect((await bench.execute('S', [])).kind).toBe('executed')
  await bench.end('S')
  expect((await bench.execute('T', [take('a')])).kind).toBe('executed')
})

test('a session has room for so many owners, those that are not released included', async () => {
  const bench = new SessionBench({ limits: { ownersPerSession: 2 } })
  await bench.run('S', [take('a'), take('b', { name: 'two' })])
  const full = { kind: 'full', limit: 'ownersPerSession', most: 2 }
  expect(await bench.do('S', take('c', { name: 'three' }))).toEqual(full)
  expect(await bench.do('S', take('a'))).toMatchObject({ kind: 'granted' })
  await bench.acquire('thief', { steal: 'now' })
  expect(await bench.do('S', take('c', { name: 'three' }))).toEqual(full)
  expect(await bench.do('S', take('a'))).toEqual({ kind: 'spent', reason: 'stolen' })
  await bench.run('S', [leave('a')])
  expect(await bench.do('S', take('c', { name: 'three' }))).toMatchObject({ kind: 'granted' })
})

test('an end is told even when its tombstone has been forgotten', async () => {
  const bench = new SessionBench({ limits: { tombstones: 1 } })
  await bench.run('S', [take('a')])
  await bench.acquire('thief', { steal: 'now' })
  await bench.release('someone')
  await bench.release('thief')
  expect((await bench.stands('S')).ended).toMatchObject([{ owner: 'a', reason: 'stolen' }])
  expect(await bench.do('S', take('a'))).toEqual({ kind: 'spent', reason: 'stolen' })
  expect(await bench.do('S', leave('a'))).toEqual({ kind: 'ended', reason: 'stolen' })
  expect((await bench.stands('S')).ended).toEqual([])
})

test('a renewal costs the same whatever the session holds', async () => {
  const bench = new SessionBench()
  const names = Array.from({ length: 10_000 }, (_, index) => `n${index}`)
  await bench.run(
    'S',
    names.map((name) => take(name, { name })),
  )
  const startedAt = performance.now()
  for (let beat = 0; beat < 10_000; beat += 1) await bench.stands('S')
  // A look at each lock would be 10^8 of them.
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  await bench.end('S')
  expect(bench.clock.timers).toBe(0)
})
