import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { Etcd, type EtcdMember } from './etcd.ts'
import { describeEtcd, describePostgres } from './here.ts'
import { Postgres } from './postgres.ts'
import { until } from './until.ts'

/** For engines that start, recover and elect on a machine that is busy. */
const BOUND_MS = 60_000

describePostgres('PostgreSQL', () => {
  async function start(): Promise<Postgres> {
    const postgres = await Postgres.start()
    onTestFinished(() => postgres.stop())
    return postgres
  }

  it(
    'keeps what was committed when it is killed with a client at work, and when it is restarted',
    async () => {
      const postgres = await start()
      await ask(postgres.url, 'CREATE TABLE t (n int)', 'INSERT INTO t VALUES (1)')
      const cut = ask(postgres.url, 'INSERT INTO t VALUES (2)', 'SELECT pg_sleep(600)')
      cut.catch(() => {})
      await until('The second row', async () => (await numbers(postgres.url)).length === 2)
      await postgres.kill()
      await expect(cut).rejects.toThrow()
      await expect(numbers(postgres.url)).rejects.toThrow('ECONNREFUSED')
      await postgres.restart()
      expect(await numbers(postgres.url)).toEqual([1, 2])
      await postgres.restart()
      expect(await numbers(postgres.url)).toEqual([1, 2])
    },
    BOUND_MS,
  )

  it(
    'acknowledges nothing that its standby has not; the standby takes its place, and has another one',
    async () => {
      const first = await start()
      await ask(first.url, 'CREATE TABLE t (n int)')
      const second = await first.startStandby()
      onTestFinished(() => second.stop())
      await ask(first.url, 'INSERT INTO t VALUES (1)')
      await expect(ask(second.url, 'INSERT INTO t VALUES (2)')).rejects.toThrow('read-only')
      await first.kill()
      await second.promote()
      await ask(second.url, 'INSERT INTO t VALUES (3)')
      expect(await numbers(second.url)).toEqual([1, 3])

      const third = await second.startStandby()
      onTestFinished(() => third.stop())
      await third.kill()
      const waits = ask(second.url, 'INSERT INTO t VALUES (4)')
      waits.catch(() => {})
      await until('A commit that waits', async () => {
        const [row] = await ask(second.url, "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        return row?.n === '1'
      })
      await third.restart()
      await waits
      await second.kill()
      await third.promote()
      expect(await numbers(third.url)).toEqual([1, 3, 4])
    },
    BOUND_MS,
  )
})

describeEtcd('etcd', () => {
  it(
    'with one member keeps what was put when it is killed',
    async () => {
      const etcd = await Etcd.start()
      onTestFinished(() => etcd.stop())
      const [member] = etcd.members as [EtcdMember]
      expect(etcd.url).toBe(`etcd://127.0.0.1:${member.port}`)
      await put(member, 'a', '1')
      await member.kill()
      await expect(get(member, 'a')).rejects.toThrow('fetch failed')
      await member.restart()
      expect(await get(member, 'a')).toBe('1')
    },
    BOUND_MS,
  )

  it(
    'with three members survives the death of its leader, and one that is silent',
    async () => {
      const etcd = await Etcd.start({ members: 3 })
      onTestFinished(() => etcd.stop())
      expect(etcd.endpoints).toHaveLength(3)
      const first = await etcd.leader()
      await put(first, 'a', '1')
      await first.kill()
      const second = await etcd.leader()
      expect(second.name).not.toBe(first.name)
      expect(await get(second, 'a')).toBe('1')
      await put(second, 'a', '2')
      await first.restart()
      expect(await get(first, 'a')).toBe('2')

      second.pause()
      const third = await etcd.leader()
      expect(third.name).not.toBe(second.name)
      await put(third, 'a', '3')
      second.resume()
      await until('The answer of who was silent', async () => (await get(second, 'a')) === '3')
    },
    BOUND_MS,
  )
})

async function ask(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end().catch(() => {})
  }
}

async function numbers(url: string): Promise<unknown[]> {
  return (await ask(url, 'SELECT n FROM t ORDER BY n')).map(({ n }) => n)
}

async function put(member: EtcdMember, key: string, value: string): Promise<void> {
  const reply = await call(member, 'put', { key: btoa(key), value: btoa(value) })
  if (!('header' in reply)) throw new Error(`It was not put: ${JSON.stringify(reply)}`)
}

async function get(member: EtcdMember, key: string): Promise<string | null> {
  const { kvs = [] } = await call(member, 'range', { key: btoa(key) })
  return kvs[0] === undefined ? null : atob(kvs[0].value)
}

async function call(member: EtcdMember, operation: string, body: object): Promise<{ kvs?: { value: string }[] }> {
  const response = await fetch(`${member.endpoint}/v3/kv/${operation}`, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as { kvs?: { value: string }[] }
}
