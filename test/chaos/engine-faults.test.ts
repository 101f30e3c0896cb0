import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { describeEtcd, describePostgres } from '../engines/here.ts'
import { until } from '../engines/until.ts'
import { Random } from '../simulation/random.ts'
import { openEtcd } from './etcd-under-test.ts'
import { openPostgres } from './postgres-under-test.ts'
import type { StoreUnderTest } from './store-under-test.ts'

const BOUND_MS = 120_000

describePostgres('the PostgreSQL of a storm', () => {
  it(
    'has at its address all that was acknowledged before each of its faults, and takes more',
    async () => {
      const store = await openPostgres()
      onTestFinished(() => store.stop())
      const url = addressOf(store)
      await ask(url, 'CREATE TABLE t (n int)')
      let written = 0
      // The first one is the failover: it must work again with the standby that took its place.
      for (const { kind, suffer } of [...store.faults, ...store.faults.slice(0, 1)]) {
        written += 1
        await ask(url, `INSERT INTO t VALUES (${written})`)
        let downs = 0
        await suffer(new Random(1), () => {
          downs += 1
        })
        expect([kind, downs]).toEqual([kind, 1])
        const [row] = await until(`An answer after: ${kind}`, () => ask(url, 'SELECT count(*)::int AS n FROM t'))
        expect([kind, row?.n]).toEqual([kind, written])
      }
    },
    BOUND_MS,
  )
})

describeEtcd('the etcd of a storm', () => {
  it(
    'has all that was acknowledged before each of its faults, and takes more',
    async () => {
      const store = await openEtcd()
      onTestFinished(() => store.stop())
      const endpoints = addressOf(store).replace('etcd://', '').split(',')
      let written = 0
      for (const { kind, suffer } of store.faults) {
        written += 1
        await call(endpoints, 'put', { key: btoa(`k${written}`), value: btoa('v') })
        await suffer(new Random(1), () => {})
        const { count } = await call(endpoints, 'range', { key: btoa('k'), range_end: btoa('l'), count_only: true })
        expect([kind, Number(count)]).toEqual([kind, written])
      }
    },
    BOUND_MS,
  )
})

function addressOf({ flags }: StoreUnderTest): string {
  const [, address = ''] = flags
  return address
}

async function ask(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(statement)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

/** By whichever member answers. */
function call(endpoints: readonly string[], operation: string, body: object): Promise<{ count?: string }> {
  return Promise.any(
    endpoints.map(async (endpoint) => {
      const response = await fetch(`http://${endpoint}/v3/kv/${operation}`, {
        method: 'POST',
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      })
      if (!response.ok) throw new Error(`${endpoint} answered ${response.status}: ${await response.text()}`)
      return (await response.json()) as { count?: string }
    }),
  )
}
