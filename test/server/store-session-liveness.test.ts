import { expect, test } from 'vitest'
import { leave, SessionBench, take } from './session-bench.ts'
import { LEASE } from './store-bench.ts'

const TICKET = 5_000

/** `k` is held by `holder`, and the session `S` waits for it first. */
async function waiting(): Promise<SessionBench> {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('first')])
  return bench
}

test('a waiter whose session was not heard of for a ticket is passed over, and keeps its place', async () => {
  const bench = await waiting()
  await bench.queue('second')
  await bench.queue('third')
  await bench.pass(TICKET)
  await bench.release('holder')
  expect(await bench.attend('second')).toMatchObject({ kind: 'granted', claim: true })
  expect(await bench.do('S', take('first'))).toMatchObject({ kind: 'queued', position: 1 })
  await bench.release('second')
  expect((await bench.peek('S')).claims).toMatchObject([{ owner: 'first', waitedMs: TICKET }])
})

test('a waiter is alive until the very end of the ticket', async () => {
  const bench = await waiting()
  await bench.queue('second')
  await bench.pass(TICKET - 1)
  await bench.release('holder')
  expect((await bench.peek('S')).claims).toHaveLength(1)
})

test.each([
  ['commands', (bench: SessionBench) => bench.execute('S', [])],
  ['a heartbeat', (bench: SessionBench) => bench.beat('S')],
  ['a stream', (bench: SessionBench) => bench.follow('S', 1)],
  ['the end of a stream', (bench: SessionBench) => bench.follow('S', 0)],
])('%s show that a session is alive, and a lock that is free by then is granted at once', async (_, act) => {
  const bench = await waiting()
  await bench.pass(TICKET)
  await bench.release('holder')
  expect(await bench.inspect()).toMatchObject({ mode: null, waiters: 1 })
  const outcome = await act(bench)
  const standing = outcome.kind === 'executed' ? outcome.standing : outcome
  expect(standing).toMatchObject({ claims: [{ owner: 'first', expiresInMs: TICKET }] })
})

test('a stream keeps the places of its session for as long as it is attached, and a ticket', async () => {
  const bench = await waiting()
  await bench.queue('second', { waitMs: LEASE })
  await bench.follow('S', 20_000)
  await bench.pass(20_000 + TICKET - 1)
  await bench.release('holder')
  expect((await bench.peek('S')).claims).toHaveLength(1)
})

test('when a stream has ended its session is alive for a ticket, and no longer', async () => {
  const bench = await waiting()
  await bench.queue('second')
  await bench.follow('S', 20_000)
  await bench.follow('S', 0)
  await bench.pass(TICKET)
  await bench.release('holder')
  expect(await bench.attend('second')).toMatchObject({ kind: 'granted' })
})

test('a heartbeat takes nothing from what a stream has said, and neither does another stream', async () => {
  const bench = await waiting()
  await bench.queue('second')
  await bench.follow('S', 20_000)
  await bench.beat('S')
  await bench.follow('S', 1)
  await bench.pass(20_000)
  await bench.release('holder')
  expect((await bench.peek('S')).claims).toHaveLength(1)
})

test('only live waiters are in the way of newcomers', async () => {
  for (const come of [
    (bench: SessionBench) => bench.acquire('new'),
    (bench: SessionBench) => bench.acquire('new', { ifAvailable: true }),
    (bench: SessionBench) => bench.acquire(null),
    (bench: SessionBench) => bench.do('T', take('new')),
    (bench: SessionBench) => bench.do('T', take('new', { ifAvailable: true })),
  ]) {
    const bench = await waiting()
    await bench.release('holder')
    await bench.stands('S', ['first'])
    await bench.run('U', [take('passed')])
    await bench.pass(TICKET)
    await bench.run('S', [leave('first')])
    expect(await come(bench)).toMatchObject({ kind: 'granted', claim: false })

    const live = await waiting()
    await live.run('U', [take('second')])
    await live.release('holder')
    expect(await come(live)).toMatchObject({ kind: expect.stringMatching(/refused|queued/) })
  }
})

test('a writer that is not live any more lets the readers behind it through, with nobody asking', async () => {
  const bench = new SessionBench()
  await bench.acquire('reader', { mode: 'shared' })
  await bench.run('S', [take('writer')])
  await bench.queue('behind', { mode: 'shared' })
  await bench.pass(3_000)
  await bench.follow('S', 0)
  await bench.pass(TICKET - 1)
  expect(bench.changed).toEqual([])
  await bench.pass(1)
  expect(bench.changed).toEqual(['behind'])
})

test('the end of a stream lets those behind through earlier', async () => {
  const bench = new SessionBench()
  await bench.acquire('reader', { mode: 'shared' })
  await bench.run('S', [take('writer')])
  await bench.follow('S', 20_000)
  await bench.queue('behind', { mode: 'shared' })
  await bench.follow('S', 0)
  await bench.pass(TICKET)
  expect(bench.changed).toEqual(['behind'])
})

test('a run of shared waiters is that of the live ones', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('s1', { mode: 'shared' })])
  await bench.run('T', [take('x')])
  await bench.pass(TICKET)
  await bench.queue('s2', { mode: 'shared' })
  await bench.queue('s3', { mode: 'shared' })
  await bench.beat('S')
  bench.changed.length = 0
  await bench.release('holder')
  expect(bench.changed).toEqual(['s1', 's2', 's3'])
})

test('a thief that is not live is passed over too, and the end that it fixed stays fixed', async () => {
  const bench = new SessionBench()
  await bench.acquire('holder')
  await bench.run('S', [take('thief', { steal: 'safe' })])
  await bench.queue('second', { waitMs: 2 * LEASE })
  await bench.pass(LEASE - 1)
  expect(await bench.renew('holder')).toMatchObject({ ending: 'stolen', expiresInMs: 1 })
  await bench.pass(1)
  expect(bench.changed).toContain('second')
})

test('all locks that a session waits for are granted when it is heard of again', async () => {
  const bench = new SessionBench()
  for (const name of ['one', 'two', 'three']) await bench.acquire('holder', { name })
  await bench.run('S', [take('a', { name: 'one' }), take('b', { name: 'two' }), take('c', { name: 'three' })])
  await bench.pass(TICKET)
  for (const name of ['one', 'two']) await bench.store.release({ namespace: '', name, owner: 'holder' })
  expect((await bench.peek('S')).claims.map(({ owner }) => owner)).toEqual(['a', 'b'])
})

test('a session that waits makes nothing tick once it is over', async () => {
  const bench = new SessionBench()
  await bench.acquire('reader', { mode: 'shared' })
  await bench.run('S', [take('a'), take('b', { mode: 'shared' })])
  await bench.release('reader')
  await bench.end('S')
  expect(bench.clock.timers).toBe(0)
})
