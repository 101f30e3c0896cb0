import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createPostgresStore, type PostgresStoreOptions } from '../../src/server/stores/postgres.ts'
import { describePostgres } from '../engines/here.ts'
import { Postgres, type PostgresOptions } from '../engines/postgres.ts'
import { Bench } from './bench.ts'
import { reachable } from './reachable.ts'

async function start(options?: PostgresOptions): Promise<Postgres> {
  const postgres = await Postgres.start(options)
  onTestFinished(() => postgres.stop())
  return postgres
}

async function open(url: string, options?: PostgresStoreOptions): Promise<LockStore> {
  const store = await createPostgresStore(url, options)
  onTestFinished(() => store.close())
  return store
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describePostgres('a store in PostgreSQL', () => {
  test('says that the database is gone, and goes on with all locks when it is back', async () => {
    const postgres = await start()
    const [one, other] = [new Bench(await open(postgres.url), 'k'), new Bench(await open(postgres.url), 'k')]
    const { fencingToken } = await one.take('a')
    await postgres.kill()
    await expect(one.renew('a')).rejects.toThrow(StoreUnavailableError)
    await expect(other.inspect()).rejects.toThrow(StoreUnavailableError)
    await postgres.restart()
    expect(await reachable(() => other.renew('a'))).toMatchObject({ kind: 'renewed', fencingToken })
    expect(await reachable(() => one.acquire('b'))).toMatchObject({ kind: 'refused' })
    await other.queue('b')
    const hinted = other.hint('b')
    await one.release('a')
    await hinted
  })

  test('loses nothing that it has granted in a crash, though the database is told not to wait for the disk', async () => {
    // Such commits are written some 10 s later: a crash takes them all away, were they not asked to be durable.
    const postgres = await start({ settings: ['synchronous_commit = off', 'wal_writer_delay = 10s'] })
    const store = await open(postgres.url)
    const benches = Array.from({ length: 40 }, (_, index) => new Bench(store, `n${index}`))
    for (const bench of benches) await bench.take('a')
    await postgres.kill()
    await postgres.restart()
    const after = await open(postgres.url)
    for (const { name } of benches) expect(await new Bench(after, name).acquire('b')).toMatchObject({ kind: 'refused' })
  })

  test('reads no standby, which may be behind', async () => {
    const postgres = await start()
    const standby = await postgres.startStandby()
    onTestFinished(() => standby.stop())
    const bench = new Bench(await open(postgres.url), 'k')
    await bench.take('a')
    await expect(createPostgresStore(standby.url)).rejects.toThrow('a standby, which may be behind')
    await postgres.kill()
    await standby.promote()
    const next = new Bench(await open(standby.url), 'k')
    expect(await next.acquire('b')).toMatchObject({ kind: 'refused' })
    expect(await next.renew('a')).toMatchObject({ kind: 'renewed' })
  })

  test('keeps stores with other prefixes apart, and tells a wrong one', async () => {
    const postgres = await start()
    const one = new Bench(await open(postgres.url), 'k')
    const other = new Bench(await open(postgres.url, { prefix: 'staging' }), 'k')
    await one.take('a')
    await other.take('b')
    await expect(createPostgresStore(postgres.url, { prefix: 'a; --' })).rejects.toThrow('got "a; --"')
  })

  test('refuses tables of another format, and a log with a gap', async () => {
    const postgres = await start()
    const store = await open(postgres.url)
    const bench = new Bench(store, 'k')
    for (const owner of ['a', 'b', 'c']) await bench.acquire(owner)
    await ask(postgres.url, 'DELETE FROM lockable_log WHERE position = 2')
    await expect(createPostgresStore(postgres.url)).rejects.toThrow('The log has no record 2')
    await ask(postgres.url, 'UPDATE lockable_head SET format = 9')
    await expect(createPostgresStore(postgres.url)).rejects.toThrow(
      'of format 9, and this version of the server knows 1',
    )
  })

  test('is closed, and is not opened, in bounded time while the database stands still', async () => {
    const postgres = await start()
    const store = await createPostgresStore(postgres.url)
    const bench = new Bench(store, 'k')
    await bench.take('a')
    const backends = await ask(postgres.url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'lockable'")
    postgres.pause()
    for (const { pid } of backends) process.kill(Number(pid), 'SIGSTOP')
    try {
      await expect(bench.renew('a')).rejects.toThrow(StoreUnavailableError)
      await expect(createPostgresStore(postgres.url)).rejects.toThrow('cannot be opened')
      await store.close()
    } finally {
      for (const { pid } of backends) process.kill(Number(pid), 'SIGCONT')
      postgres.resume()
    }
    expect(await new Bench(await open(postgres.url), 'k').acquire('b')).toMatchObject({ kind: 'refused' })
  })

  test('leaves no connections behind when it is not let in', async () => {
    const postgres = await start()
    const bench = new Bench(await open(postgres.url), 'k')
    const blocker = new pg.Client({ connectionString: postgres.url })
    onTestFinished(() => blocker.end())
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE lockable_head')
    for (let tries = 0; tries < 3; tries += 1) await expect(bench.acquire('a')).rejects.toThrow(StoreUnavailableError)
    const mine = "SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name = 'lockable'"
    await expect.poll(() => ask(postgres.url, mine), { timeout: 10_000 }).toEqual([{ count: 2 }])
    await blocker.query('ROLLBACK')
    expect(await reachable(() => bench.acquire('b'))).toMatchObject({ kind: 'granted' })
  })

  test('starts with several servers at once on an empty database', async () => {
    const postgres = await start()
    const stores = await Promise.all(Array.from({ length: 5 }, () => open(postgres.url)))
    const kinds = await Promise.all(
      stores.map(async (store, index) => (await new Bench(store, 'k').acquire(`o${index}`)).kind),
    )
    expect(kinds.filter((kind) => kind === 'granted')).toHaveLength(1)
  })

  test('says what is wrong with an address, without its password', async () => {
    const refused = createPostgresStore('postgres://me:secret@127.0.0.1:1/db')
    await expect(refused).rejects.toThrow('ECONNREFUSED')
    await expect(refused).rejects.not.toThrow('secret')
  })
})
