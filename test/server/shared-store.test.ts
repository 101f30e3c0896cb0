import { expect, test } from 'vitest'
import { StoreUnavailableError } from '../../src/server/store.ts'
import { SharedBench, settled } from './shared-bench.ts'
import type { Fate } from './virtual-log.ts'

const LEASE = 60_000

test('a lock that one server has granted is held for the others', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  expect(await one.acquire('a')).toMatchObject({ kind: 'granted', expiresInMs: LEASE, claim: false })
  expect(await other.acquire('b')).toMatchObject({ kind: 'refused', holders: [{ mode: 'exclusive' }] })
  expect(await other.renew('a')).toMatchObject({ kind: 'renewed', expiresInMs: LEASE })
  expect(await other.release('a')).toEqual({ kind: 'released' })
  expect(await one.acquire('b')).toMatchObject({ kind: 'granted' })
})

test('those who wait at several servers are served in the order in which they came, and hinted at where they wait', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  for (const owner of ['b', 'c', 'd', 'e']) await (owner < 'd' ? other : one).queue(owner)
  const served: string[] = []
  for (const [holder, next] of ['ab', 'bc', 'cd', 'de'].map((pair) => [...pair] as [string, string])) {
    await one.release(holder)
    await settled()
    expect(other.changed.at(-1)).toBe(next)
    expect(await (next < 'd' ? other : one).attend(next)).toMatchObject({ kind: 'granted', claim: true })
    served.push(next)
  }
  expect(served).toEqual(['b', 'c', 'd', 'e'])
})

test('tokens grow over all servers, whatever their wall clocks say', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  other.clock.setWall(0)
  let last = 0
  for (const [index, server] of [one, other, one, other].entries()) {
    const granted = await server.acquire(`a${index}`)
    if (granted.kind !== 'granted') throw new Error(granted.kind)
    expect(granted.fencingToken).toBeGreaterThan(last)
    last = granted.fencingToken
    await server.release(`a${index}`)
  }
  expect(one.store.lastToken).toBe(last)
})

test('tokens begin above the floor of any server', async () => {
  const bench = new SharedBench()
  const floor = 2 ** 52
  const [one, other] = [await bench.start(), await bench.start({ tokenFloor: floor })]
  await other.acquire('a', { name: 'other' })
  expect(await one.acquire('a')).toMatchObject({ fencingToken: floor + 2 })
})

test('a lease ends without anybody asking, and not before its holder was told', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  await other.queue('b', { waitMs: 2 * LEASE })
  await bench.pass(LEASE)
  expect(other.changed).toEqual([])
  await bench.pass(4_000)
  expect(other.changed).toEqual(['b'])
  expect(await other.attend('b')).toMatchObject({ kind: 'granted', claim: true })
})

test('time goes on when the server that moves it on is gone', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  await other.queue('b', { waitMs: 2 * LEASE })
  await bench.pass(1_000)
  await bench.pass(LEASE + 5_000, [one])
  expect(await other.attend('b')).toMatchObject({ kind: 'granted' })
})

test('a server that stood still does not make time pass that the others have counted already', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  await bench.pass(1_000)
  await bench.pass(LEASE / 2, [one])
  // What stood still wakes, and its tick is not the next one any more.
  one.clock.advance(LEASE / 2)
  await settled()
  expect(await other.acquire('b', { waitMs: 0 })).toMatchObject({ kind: 'refused' })
  const { holders } = await other.store.inspect({ namespace: '', name: 'k' })
  expect(holders[0]?.expiresInMs).toBeGreaterThan(LEASE / 2 - 1_000)
})

test('nothing is written while nobody holds or waits', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.acquire('a')
  await one.release('a')
  await bench.pass(1_000)
  const { length } = bench.log.records
  await bench.pass(10 * LEASE)
  expect(bench.log.records).toHaveLength(length)
})

test('what many ask in one turn is one record', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await Promise.all(Array.from({ length: 50 }, (_, index) => one.acquire(`a${index}`, { name: `n${index}` })))
  expect(bench.log.records).toHaveLength(1)
})

test('a step whose answer was lost is carried out once', async () => {
  const bench = new SharedBench()
  const fates: Fate[] = [{}, { isAnswerLost: true }, { isLost: true }, {}]
  const one = await bench.start({ fate: () => fates.shift() ?? {} })
  await one.acquire('a')
  const released = one.release('a')
  await bench.pass(1_000)
  expect(await released).toEqual({ kind: 'released' })
  expect(bench.log.records.filter(({ body }) => body.includes('"release"'))).toHaveLength(2)
})

test('a record that comes a second time, later, changes nothing', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  const [{ id, body } = { id: '', body: '' }] = bench.log.records
  await one.release('a')
  const holder = await other.acquire('b')
  await bench.log.open().append({ id, body }, null, true)
  await settled()
  expect(await other.acquire('b')).toEqual(holder)
})

test('a log that does not answer is told as such, and what was asked then is not carried out later', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  bench.log.failure = new Error('it is being moved')
  const told = expect(one.acquire('b', { name: 'n' })).rejects.toThrow(StoreUnavailableError)
  await bench.pass(4_000)
  await told
  await expect(Promise.race([one.release('a'), bench.pass(8_000)])).rejects.toThrow('it is being moved')
  bench.log.failure = null
  await bench.pass(1_000)
  expect(await other.acquire('c', { name: 'n' })).toMatchObject({ kind: 'granted' })
  expect(await one.renew('a')).toMatchObject({ kind: 'renewed' })
})

test('a server that was cut off goes on from the snapshot, and hints at all who wait there', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  await other.queue('b')
  await one.store.close()
  const third = await bench.start()
  await third.release('a')
  await third.store.close()
  expect(bench.log.records).toHaveLength(1)
  expect(await other.attend('b')).toMatchObject({ kind: 'granted' })
  expect(other.changed).toContain('b')
})

test('a server that starts takes over from a snapshot all that there was', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  const granted = await one.acquire('a', { info: 'Alice' })
  await one.queue('b')
  const open = { leaseMs: LEASE, info: 'tab' }
  const acquire = {
    op: 'acquire',
    name: 'k',
    owner: 'c',
    mode: 'shared',
    ifAvailable: false,
    steal: null,
    info: null,
  } as const
  const step = {
    namespace: '',
    session: 's',
    principal: { subject: null, maxHoldMs: null, quota: { locks: null, waiters: null } },
  }
  await one.store.execute({
    ...step,
    open,
    seq: 1,
    confirm: [],
    commands: [acquire, { ...acquire, name: 'n', owner: 'd' }],
  })
  const before = await one.store.renewSession({ session: 's', confirm: [] })
  await one.store.close()
  const next = await bench.start()
  expect(await next.store.renewSession({ session: 's', confirm: [] })).toEqual(before)
  expect(await next.acquire('a', { info: 'Alice' })).toEqual(granted)
  expect(await next.waiters()).toBe(2)
  await next.release('a')
  expect(await next.attend('b')).toMatchObject({ kind: 'granted' })
})

test('where the end of the log was lost nothing is granted until what it may have promised has run out', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('x', { name: 'other', leaseMs: 1_000 })
  await one.acquire('a')
  bench.log.lose(1)
  await bench.pass(1_000)
  expect(await other.acquire('b')).toMatchObject({ kind: 'refused' })
  const waiting = await other.queue('b', { waitMs: 2 * LEASE })
  expect(waiting).toMatchObject({ kind: 'queued', graceMs: expect.any(Number) })
  await bench.pass(LEASE - 2_000)
  expect(await other.acquire('c')).toMatchObject({ kind: 'refused' })
  await bench.pass(6_000)
  expect(await other.attend('b')).toMatchObject({ kind: 'granted' })
})

test('the server that notices such a loss grants nothing either, and its time goes on', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.acquire('a', { leaseMs: 5_000 })
  bench.log.lose(1)
  await expect(one.acquire('b')).rejects.toThrow('has lost the end of its log')
  expect(await one.acquire('b')).toMatchObject({ kind: 'refused', graceMs: expect.any(Number) })
  await bench.pass(4_900)
  expect(await one.acquire('c')).toMatchObject({ kind: 'refused' })
  // Nobody waits, and nothing is held.
  await bench.pass(2_000)
  expect(await one.acquire('d')).toMatchObject({ kind: 'granted' })
})

test('a snapshot of what was lost does not take the place of what came after', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  for (const owner of ['a', 'b', 'c']) await one.acquire(owner, { name: owner })
  bench.log.lose(2)
  await one.store.close()
  expect(bench.log.snapshot).toBeNull()
  const next = await bench.start()
  expect(await next.acquire('x', { name: 'a' })).toMatchObject({ kind: 'refused' })
})

test('many that ask while the log is silent are all told within some seconds', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.acquire('a')
  bench.log.failure = new Error('silent')
  const asked: Promise<unknown>[] = []
  for (let index = 0; index < 40; index += 1) {
    const name = `n${index}`
    asked.push(expect(one.acquire(name, { name, info: 'x'.repeat(100_000) })).rejects.toThrow(StoreUnavailableError))
  }
  await bench.pass(5_000)
  await Promise.all(asked)
})

test('a log by other rules is refused, and one that becomes so is followed no longer', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.acquire('a')
  const record = { id: 'new.1', body: JSON.stringify({ rules: '999', steps: [] }) }
  await bench.log.open().append(record, bench.log.records.at(-1) ?? null, true)
  await settled()
  await expect(one.renew('a')).rejects.toThrow('by the rules "999", and this server goes by "1"')
  expect(one.errors).toHaveLength(1)
  await expect(bench.start()).rejects.toThrow('must be of one version')
})

test('a store can be closed while its log does not answer, and what was asked is answered', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.acquire('a')
  bench.log.failure = new Error('it is away')
  const told = expect(one.renew('a')).rejects.toThrow(StoreUnavailableError)
  await settled()
  // The clock stands still.
  await one.store.close()
  await told
})

test('a closed store says so', async () => {
  const bench = new SharedBench()
  const one = await bench.start()
  await one.store.close()
  await one.store.close()
  await expect(one.acquire('a')).rejects.toThrow(StoreUnavailableError)
  await expect(one.waiters()).rejects.toThrow('closed')
  await expect(one.store.attendSession({ session: 's', attachMs: 0 })).rejects.toThrow('closed')
})
