import { afterAll, beforeAll, describe, test } from 'vitest'
import { type AttendOutcome, StoreUnavailableError } from '../../src/server/store.ts'
import { Bench, LEASE, NOBODY } from './bench.ts'
import type { StoreKind, StoreSite } from './store-site.ts'

/** Short enough to be waited for, in ms. */
const SHORT = 400

/** The longest that a store may be late with the end of a lease, in ms. */
const LATE = { timeout: 10_000, interval: 20 }

/**
 * What every store must do, over all servers that share it: in real time, on a real engine.
 *
 * What depends on exact times is tested with a virtual clock, on stores in memory and over virtual engines.
 */
export function conform({ name: kind, isDurable, start }: StoreKind): void {
  describe.concurrent(`a store in ${kind}`, () => {
    let site: StoreSite
    let names = 0

    beforeAll(async () => {
      site = await start()
    })

    afterAll(() => site.end())

    /** Two servers, asked about a lock of its own. */
    function two(name: string = `lock ${++names}`): [one: Bench, other: Bench] {
      const [one, other] = site.stores
      return [new Bench(one, name), new Bench(other, name)]
    }

    test('grants a free lock and refuses a held one', async ({ expect }) => {
      const [one, other] = two()
      expect(await one.acquire('a', { info: 'Alice' })).toMatchObject({
        kind: 'granted',
        leaseMs: LEASE,
        expiresInMs: LEASE,
        claim: false,
        ending: null,
      })
      const refused = { kind: 'refused', graceMs: 0, holders: [{ info: 'Alice', mode: 'exclusive' }] }
      expect(await other.acquire('b')).toMatchObject(refused)
      expect(await other.acquire(null)).toMatchObject(refused)
      expect(await other.inspect()).toMatchObject({ mode: 'exclusive', waiters: 0 })
      await one.release('a')
      expect(await other.acquire('b')).toMatchObject({ kind: 'granted' })
    })

    test('gives the same owner the same grant again, with the full lease', async ({ expect }) => {
      const [one, other] = two()
      const first = await one.take('a')
      expect(await other.acquire('a')).toEqual(first)
      expect(await other.acquire('a', { mode: 'shared' })).toEqual({ kind: 'conflict', member: 'mode' })
    })

    test('gives tokens that grow over releases, ends, steals and servers', async ({ expect }) => {
      const [one, other] = two()
      const tokens = [(await one.take('a', { leaseMs: SHORT })).fencingToken]
      await expect.poll(async () => (await other.acquire('b')).kind, LATE).toBe('granted')
      tokens.push((await other.take('b')).fencingToken)
      tokens.push((await one.take('c', { steal: 'now' })).fencingToken)
      await other.release('c')
      tokens.push((await other.take('d')).fencingToken)
      await one.release('d')
      tokens.push((await one.take(null)).fencingToken)
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
      expect(tokens.every(Number.isSafeInteger)).toBe(true)
      expect(await other.inspect()).toMatchObject({ fencingToken: tokens.at(-1) })
    })

    test('renews, never to less, and not what is over or of others', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a')
      expect(await other.renew('a', 1_000)).toMatchObject({ kind: 'renewed', leaseMs: 1_000 })
      const { holders } = await one.inspect()
      expect(holders[0]?.expiresInMs).toBeGreaterThan(LEASE - 10_000)
      expect(await other.renew('b')).toEqual({ kind: 'ended', reason: 'unknown' })
      await one.release('a')
      expect(await other.renew('a')).toEqual({ kind: 'ended', reason: 'released' })
      await one.take('c', { leaseMs: SHORT })
      await expect.poll(() => other.renew('d').then(() => other.inspect()), LATE).toMatchObject({ mode: null })
      expect(await one.renew('c')).toEqual({ kind: 'ended', reason: 'expired' })
    })

    test('remembers owners that are over, be it before they came', async ({ expect }) => {
      const [one, other] = two()
      expect(await one.release('a')).toEqual({ kind: 'ended', reason: 'unknown' })
      expect(await other.acquire('a')).toEqual({ kind: 'spent', reason: 'unknown' })
      await other.take('b')
      expect(await one.release('c')).toEqual({ kind: 'ended', reason: 'unknown' })
      expect(await one.release('b')).toEqual({ kind: 'released' })
      expect(await other.release('b')).toEqual({ kind: 'released' })
      expect(await other.acquire('b')).toEqual({ kind: 'spent', reason: 'released' })
    })

    test('hands over first come, first served, wherever they wait, and hints at each', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a')
      const order = ['b', 'c', 'd', 'e', 'f']
      const at = (owner: string) => (order.indexOf(owner) % 2 === 0 ? other : one)
      for (const [index, owner] of order.entries()) {
        expect(await at(owner).queue(owner)).toMatchObject({ kind: 'queued', position: index + 1 })
      }
      let holder = 'a'
      for (const next of order) {
        const hinted = at(next).hint(next)
        await one.release(holder)
        await hinted
        expect(await at(next).attend(next)).toMatchObject({ kind: 'granted', claim: true })
        expect(await at(next).renew(next)).toMatchObject({ kind: 'renewed', leaseMs: LEASE })
        holder = next
      }
    })

    test('lets nobody past those who wait, and a waiter give up', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a')
      await one.queue('b')
      await other.queue('c')
      expect(await other.acquire('d')).toMatchObject({ kind: 'refused' })
      expect(await other.release('b')).toEqual({ kind: 'released' })
      expect(await one.acquire('b')).toEqual({ kind: 'spent', reason: 'released' })
      await other.release('a')
      expect(await one.acquire('d')).toMatchObject({ kind: 'refused' })
      expect(await other.attend('c')).toMatchObject({ kind: 'granted' })
    })

    test('lets shared holders in together, and none past a writer', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a', { mode: 'shared' })
      await other.take('b', { mode: 'shared' })
      await one.queue('w')
      await other.queue('c', { mode: 'shared' })
      await one.queue('d', { mode: 'shared' })
      expect(await other.acquire('e', { mode: 'shared' })).toMatchObject({ kind: 'refused' })
      await one.release('a')
      expect(await one.attend('w')).toMatchObject({ kind: 'queued' })
      await one.release('b')
      expect(await other.attend('w')).toMatchObject({ kind: 'granted' })
      await other.release('w')
      expect(await one.attend('c')).toMatchObject({ kind: 'granted' })
      expect(await other.attend('d')).toMatchObject({ kind: 'granted' })
    })

    test('ends a lease by itself, and hands over without being asked', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a', { leaseMs: SHORT })
      await other.queue('b')
      await other.hint('b')
      expect(await other.attend('b')).toMatchObject({ kind: 'granted' })
      expect(await one.renew('a')).toEqual({ kind: 'ended', reason: 'expired' })
    })

    test('passes over who waits no longer, and ends unconfirmed claims', { timeout: 30_000 }, async ({ expect }) => {
      const [one, other] = two()
      await one.take('a')
      await one.queue('gone', { waitMs: 1 })
      await other.queue('claimant', { waitMs: 60_000 })
      await one.queue('next', { waitMs: 60_000 })
      expect(await other.inspect()).toMatchObject({ waiters: 3 })
      // Its ticket runs out.
      await expect.poll(() => other.inspect(), { timeout: 15_000, interval: 50 }).toMatchObject({ waiters: 2 })
      await one.release('a')
      expect(await other.attend('claimant')).toMatchObject({ kind: 'granted', claim: true })
      await one.hint('next')
      expect(await one.attend('next')).toMatchObject({ kind: 'granted', claim: true })
      expect(await other.renew('claimant')).toEqual({ kind: 'ended', reason: 'expired' })
    })

    test('grants one of 200 that come at once', async ({ expect }) => {
      const benches = two()
      const asked = Array.from({ length: 200 }, (_, index) => benches[index % 2 === 0 ? 0 : 1].acquire(`o${index}`))
      const kinds = (await Promise.all(asked)).map(({ kind }) => kind)
      expect(kinds.filter((kind) => kind === 'granted')).toHaveLength(1)
      expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(199)
    })

    test('keeps names apart that differ in anything', async ({ expect }) => {
      const names = [
        "a'b",
        'a\\b',
        'a/b',
        'a%2Fb',
        'ä',
        'a\u0308',
        '日本',
        '🔒',
        ' ',
        "'); DROP TABLE x; --",
        '$1',
        '\\x00',
      ]
      const benches = names.map((name) => two(`odd ${name}`))
      for (const [one] of benches) await one.take('a', { info: { text: one.name } })
      for (const [, other] of benches) {
        expect(await other.inspect()).toMatchObject({ holders: [{ info: { text: other.name } }] })
      }
      const { locks } =
        (await benches[0]?.[1].store.list({ namespace: '', prefix: 'odd ', after: null, limit: 100 })) ?? {}
      expect(locks?.map(({ name }) => name)).toEqual(names.map((name) => `odd ${name}`).sort())
    })

    test('keeps namespaces apart', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a', { namespace: 'x' })
      await other.take('a', { namespace: 'y' })
      expect(await other.acquire('b', { namespace: 'x' })).toMatchObject({ kind: 'refused' })
    })

    test('steals safely at the end of the lease, or at once', async ({ expect }) => {
      const [one, other] = two()
      await one.take('a', { leaseMs: 1_500 })
      await one.queue('b')
      expect(await other.queue('thief', { steal: 'safe', info: 'Bob' })).toMatchObject({ kind: 'queued', position: 1 })
      expect(await one.renew('a')).toMatchObject({ kind: 'renewed', ending: 'stolen', successor: { info: 'Bob' } })
      await other.hint('thief')
      expect(await other.attend('thief')).toMatchObject({ kind: 'granted' })
      expect(await one.renew('a')).toEqual({ kind: 'ended', reason: 'stolen' })
      expect(await one.acquire('now', { steal: 'now' })).toMatchObject({ kind: 'granted', claim: false })
      expect(await other.renew('thief')).toEqual({ kind: 'ended', reason: 'stolen' })
      expect(await other.attend('b')).toMatchObject({ kind: 'queued' })
    })

    test('keeps what a session holds alive with one renewal, and drops all of it together', async ({ expect }) => {
      const [one, other] = two()
      const [, second] = two()
      const session = `session of ${one.name}`
      const commands = [one.command('a'), second.command('b')]
      const open = { leaseMs: 1_500, info: null }
      expect(await one.execute({ session, open, seq: 1, commands })).toMatchObject({
        kind: 'executed',
        outcomes: [{ kind: 'granted' }, { kind: 'granted' }],
      })
      await other.queue('c')
      await second.queue('d')
      for (let beats = 0; beats < 4; beats += 1) {
        expect(await other.store.renewSession({ session, confirm: [] })).toMatchObject({ kind: 'standing', ended: [] })
        await pause(SHORT)
      }
      expect(await other.attend('c')).toMatchObject({ kind: 'queued' })
      expect(await one.execute({ session, seq: 1, commands: [] })).toEqual({ kind: 'seq-spent', highest: 1 })
      const hinted = Promise.all([other.hint('c'), second.hint('d')])
      await hinted
      expect(await other.attend('c')).toMatchObject({ kind: 'granted' })
      expect(await one.store.renewSession({ session, confirm: [] })).toEqual({
        kind: 'session-gone',
        reason: 'expired',
      })
    })

    test('tells a session of its claims until they are confirmed, and ends it when it is told to', async ({
      expect,
    }) => {
      const [one, other] = two()
      const session = `session of ${one.name}`
      await one.take('a')
      expect(await other.execute({ session, seq: 1, commands: [other.command('b')] })).toMatchObject({
        outcomes: [{ kind: 'queued' }],
        standing: { isWaiting: true },
      })
      const hinted = other.hint('b')
      await one.release('a')
      await hinted
      const claim = { owner: 'b', name: other.name, fencingToken: expect.any(Number) }
      expect(await other.store.attendSession({ session, attachMs: 1_000 })).toMatchObject({ claims: [claim] })
      expect(await one.store.renewSession({ session, confirm: ['b'] })).toMatchObject({ confirmed: ['b'], claims: [] })
      expect(await other.execute({ session, seq: 2, commands: [{ op: 'sync' }] })).toMatchObject({
        outcomes: [{ kind: 'synced', holds: [claim] }],
      })
      await one.queue('c')
      expect(await other.store.endSession(session)).toEqual({ kind: 'released' })
      expect(await one.attend('c')).toMatchObject({ kind: 'granted' })
      expect(await one.store.endSession(session)).toEqual({ kind: 'released' })
    })

    test('ends holders by force, and all of a subject', async ({ expect }) => {
      const [one, other] = two()
      const [third] = two()
      const principal = { ...NOBODY, subject: `subject of ${one.name}` }
      await one.take('a', { principal })
      await other.queue('b', { principal: NOBODY })
      await third.take('c', { principal, leaseMs: 1_000 })
      expect(await other.store.revoke({ subject: principal.subject })).toEqual({ holders: 2, waiters: 0 })
      expect(await one.renew('a')).toMatchObject({ kind: 'renewed', ending: 'revoked' })
      await expect.poll(() => third.inspect(), LATE).toMatchObject({ mode: null })
      expect(await other.store.endHolders({ namespace: '', name: one.name, how: 'now' })).toBe(1)
      expect(await one.renew('a')).toEqual({ kind: 'ended', reason: 'revoked' })
      expect(await one.attend('b')).toMatchObject({ kind: 'granted' })
    })

    test('never has two holders at once, under many clients', { timeout: 30_000 }, async ({ expect }) => {
      const benches = two()
      const grants: { token: number; from: number; until: number }[] = []
      const client = async (id: number): Promise<void> => {
        const bench = benches[id % 2 === 0 ? 0 : 1]
        for (let turn = 0; turn < 12; turn += 1) {
          const owner = `c${id}-${turn}`
          let outcome: AttendOutcome | Awaited<ReturnType<Bench['queue']>> = await bench.queue(owner)
          while (outcome.kind === 'queued') outcome = await bench.attend(owner)
          if (outcome.kind !== 'granted') throw new Error(`${owner}: ${outcome.kind}`)
          const from = performance.now()
          if (turn % 3 === 0) await benches[id % 2 === 0 ? 1 : 0].renew(owner)
          grants.push({ token: outcome.fencingToken, from, until: performance.now() })
          await bench.release(owner)
        }
      }
      await Promise.all(Array.from({ length: 6 }, (_, id) => client(id)))
      const inOrder = [...grants].sort((one, other) => one.token - other.token)
      expect(inOrder).toHaveLength(72)
      expect(inOrder.every(({ from }, index) => index === 0 || from >= (inOrder[index - 1]?.until ?? 0))).toBe(true)
    })
  })

  describe(`a store in ${kind} that is closed`, () => {
    test('carries out nothing any more, and its locks are kept or not, as it says', async ({ expect }) => {
      const site = await start()
      try {
        const [one] = site.stores
        const before = await new Bench(one, 'kept').take('a')
        const [again, other] = await site.reopen()
        await expect(new Bench(one, 'kept').acquire('b')).rejects.toThrow(StoreUnavailableError)
        expect(again.traits.durable).toBe(isDurable)
        const { kind } = await new Bench(again, 'kept').acquire('b')
        expect(kind).toBe(isDurable ? 'refused' : 'granted')
        await new Bench(other, 'kept').release(isDurable ? 'a' : 'b')
        expect((await new Bench(again, 'kept').take('c')).fencingToken).toBeGreaterThan(before.fencingToken)
      } finally {
        await site.end()
      }
    })
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
