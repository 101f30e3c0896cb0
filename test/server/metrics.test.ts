import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Metrics } from '../../src/cli/observe-metrics.ts'
import { createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import { createHandler } from '../../src/server/handler.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { newOwner } from '../support/owners.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OPERATIONS_DOC = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')

/** A handler that is measured, under a virtual clock. */
class MeasuredServer {
  readonly clock = new VirtualClock()
  readonly metrics: Metrics
  readonly handler
  readonly #headers: Record<string, string> = { 'Content-Type': 'application/json' }

  constructor(options: Omit<HandlerOptions, 'clock'> = {}, change: (store: LockStore) => LockStore = (store) => store) {
    const { grace, limits, ...rest } = options
    const store = change(createMemoryStore({ clock: this.clock, ...(grace && { grace }), ...(limits && { limits }) }))
    this.metrics = new Metrics({ store, version: '1.2.3' })
    this.handler = createHandler({
      ...rest,
      store,
      clock: this.clock,
      observer: this.metrics.observe,
      metrics: () => this.metrics.page(),
    })
  }

  fetch(path: string, body?: object, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return this.handler.fetch(
      new Request(`http://localhost${path}`, {
        headers: { ...this.#headers, ...headers },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        ...(signal && { signal }),
      }),
    )
  }

  /** The value of a figure, by its name with its labels as they are written; `null` if there is none. */
  async figure(name: string): Promise<number | null> {
    const line = (await this.text()).split('\n').find((each) => each.startsWith(`${name} `))
    return line === undefined ? null : Number(line.slice(name.length + 1))
  }

  async text(): Promise<string> {
    return (await this.metrics.page()).text
  }

  /** An acquire that is parked when this resolves. */
  async park(name: string, owner: string): Promise<{ reply: Promise<Response> }> {
    const before = (await this.figure('lockable_waiters')) ?? 0
    const reply = this.fetch(`/v1/acquire/${name}`, { owner, wait_ms: 20_000 })
    await expect.poll(() => this.figure('lockable_waiters')).toBe(before + 1)
    return { reply }
  }
}

describe('metrics', () => {
  it('count acquires, grants, heartbeats and releases by what came of them', async () => {
    const server = new MeasuredServer()
    const [a, b] = [newOwner(), newOwner()]
    await server.fetch('/v1/acquire/k', { owner: a })
    await server.fetch('/v1/acquire/k', { owner: b })
    await server.fetch('/v1/acquire/k')
    await server.fetch('/v1/acquire/s', { owner: b, mode: 'shared' })
    await server.fetch('/v1/heartbeat/k', { owner: a })
    await server.fetch('/v1/heartbeat/k', { owner: b })
    await server.fetch('/v1/release/k', { owner: a })
    await server.fetch('/v1/acquire/k', { owner: a })
    const figures = {
      'acquires_total{result="granted",mode="exclusive"}': 1,
      'acquires_total{result="granted",mode="shared"}': 1,
      'acquires_total{result="refused",mode="exclusive"}': 2,
      'acquires_total{result="spent",mode="exclusive"}': 1,
      spent_owners_refused_total: 1,
      'grants_total{mode="exclusive",from="request"}': 1,
      'grants_total{mode="shared",from="request"}': 1,
      'heartbeats_total{result="renewed",of="lock"}': 1,
      'heartbeats_total{result="unknown",of="lock"}': 1,
      'releases_total{result="released",of="lock"}': 1,
      'acquire_seconds_count{dialect="owned"}': 4,
      'acquire_seconds_count{dialect="classic"}': 1,
      'http_requests_total{route="/v1/acquire/*",method="POST",status="200"}': 3,
      'http_requests_total{route="/v1/acquire/*",method="POST",status="409"}': 1,
      'store_step_seconds_count{op="acquire"}': 5,
      hold_seconds_count: 1,
      locks: 1,
      holders: 1,
    }
    for (const [name, value] of Object.entries(figures)) {
      expect(await server.figure(`lockable_${name}`), name).toBe(value)
    }
    await server.handler.close()
  })

  it('tell waits and hand-offs, and who waits now', async () => {
    const server = new MeasuredServer()
    const [a, b] = [newOwner(), newOwner()]
    await server.fetch('/v1/acquire/k', { owner: a })
    const { reply } = await server.park('k', b)
    expect(await server.figure('lockable_parked_requests')).toBe(1)
    server.clock.advance(7_000)
    await server.fetch('/v1/release/k', { owner: a })
    expect((await (await reply).json()).response).toBe(true)
    expect(await server.figure('lockable_parked_requests')).toBe(0)
    expect(await server.figure('lockable_waiters')).toBe(0)
    expect(await server.figure('lockable_wait_seconds_sum')).toBe(7)
    for (const [bound, below] of [
      ['5', 0],
      ['10', 1],
      ['3600', 1],
      ['+Inf', 1],
    ]) {
      expect(await server.figure(`lockable_wait_seconds_bucket{le="${bound}"}`)).toBe(below)
    }
    expect(await server.figure('lockable_hand_off_seconds_count')).toBe(1)
    expect(await server.figure('lockable_grants_total{mode="exclusive",from="queue"}')).toBe(1)
    await server.handler.close()
  })

  it('tell what sessions do, and how long their hand-offs took', async () => {
    const server = new MeasuredServer()
    const [session, holder, waiter] = [newOwner(), newOwner(), newOwner()]
    await server.fetch('/v1/acquire/k', { owner: holder })
    const commands = [
      { op: 'acquire', name: 'k', owner: waiter },
      { op: 'acquire', name: 'free', owner: newOwner(), mode: 'shared' },
      { op: 'query' },
      { op: 'release', name: 'nothing', owner: newOwner() },
    ]
    await server.fetch('/v1/session/commands', { session, open: {}, seq: 1, commands })
    const client = new AbortController()
    const body = { sessions: [{ session }] }
    const response = await server.fetch('/v1/session/stream', body, {}, client.signal)
    expect(await server.figure('lockable_streams')).toBe(1)
    expect(await server.figure('lockable_sessions')).toBe(1)
    await server.fetch('/v1/release/k', { owner: holder })
    await expect.poll(() => server.figure('lockable_hand_off_seconds_count')).toBe(1)
    await server.fetch('/v1/session/heartbeat', { session, confirm: [waiter] })
    await server.fetch('/v1/session/heartbeat', { session: newOwner() })
    await server.fetch('/v1/session/release', { session })
    client.abort()
    await response.text().catch(() => undefined)
    await expect.poll(() => server.figure('lockable_streams')).toBe(0)
    const figures = {
      'acquires_total{result="queued",mode="exclusive"}': 1,
      'acquires_total{result="granted",mode="shared"}': 1,
      'heartbeats_total{result="renewed",of="session"}': 1,
      'heartbeats_total{result="unknown",of="session"}': 1,
      'releases_total{result="unknown",of="lock"}': 1,
      'releases_total{result="released",of="session"}': 1,
      sessions: 0,
    }
    for (const [name, value] of Object.entries(figures)) {
      expect(await server.figure(`lockable_${name}`), name).toBe(value)
    }
    await server.handler.close()
  })

  it('tell those who died from those who never came, were robbed or were revoked', async () => {
    const server = new MeasuredServer()
    const hold = (name: string) => server.fetch(`/v1/acquire/${name}`, { owner: newOwner(), lease_ms: 10_000 })
    await hold('died')
    const { reply } = await server.park('died', newOwner())
    server.clock.advance(10_000)
    expect((await (await reply).json()).confirm).toBe(true)
    expect(await server.figure('lockable_expired_total')).toBe(1)
    expect(await server.figure('lockable_unconfirmed_claims_total')).toBe(0)
    server.clock.advance(5_000)
    expect(await server.figure('lockable_unconfirmed_claims_total')).toBe(1)
    await hold('robbed')
    await server.fetch('/v1/acquire/robbed', { owner: newOwner(), steal: 'now' })
    await hold('revoked')
    await server.fetch('/v1/force-release/revoked', { now: true })
    expect(await server.figure('lockable_expired_total')).toBe(1)
    expect(await server.figure('lockable_steals_total')).toBe(1)
    expect(await server.figure('lockable_revoked_total')).toBe(1)
    await server.handler.close()
  })

  it('tell of a store that fails, and of the grace period', async () => {
    const server = new MeasuredServer({ grace: 2_500 }, (store) =>
      Object.assign(store, {
        list: async () => {
          throw new StoreUnavailableError('down')
        },
      }),
    )
    expect((await server.fetch('/v1/locks')).status).toBe(503)
    expect(await server.figure('lockable_store_errors_total{op="list"}')).toBe(1)
    expect(await server.figure('lockable_grace_seconds')).toBe(2.5)
    expect(await server.figure('lockable_build_info{version="1.2.3",store="memory"}')).toBe(1)
    await server.handler.close()
  })

  it('have no names, no secrets, and no more labels than there are routes', async () => {
    const server = new MeasuredServer({ tokens: ['s3cret-token:s3cret-namespace'] })
    const headers = { Authorization: 'Bearer s3cret-token' }
    for (const path of ['/v1/acquire/s3cret', '/s3cret', '/v1/s3cret/k', '/v1/status/s3cret?s3cret=1']) {
      await server.fetch(path, undefined, headers)
      await server.fetch(path, { owner: 's3cret', info: 's3cret' }, headers)
    }
    await server.handler.fetch(new Request('http://localhost/v1/acquire/k', { method: 'S3CRET' }))
    const text = await server.text()
    expect(text.toLowerCase()).not.toContain('s3cret')
    expect(text).toContain('http_requests_total{route="other",method="GET",status="404"} 2')
    expect(text).toContain('http_requests_total{route="/v1/acquire/*",method="other",status="405"} 1')
    await server.handler.close()
  })

  it('have those of the process and of its event loop', async () => {
    const server = new MeasuredServer()
    const text = await server.text()
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ]) {
      expect(text).toContain(`\n${name} `)
    }
    await server.handler.close()
  })
})

describe('GET /metrics', () => {
  it('is for everybody on an open server, as text that Prometheus reads', async () => {
    const server = new MeasuredServer()
    const response = await server.fetch('/metrics')
    expect([response.status, response.headers.get('Content-Type'), response.headers.get('Cache-Control')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ])
    expect(await response.text()).toContain('# TYPE lockable_acquires_total counter')
    await server.handler.close()
  })

  it('needs the right to inspect every lock where there are tokens', async () => {
    const key = createCapabilityKey()
    const server = new MeasuredServer({ tokens: ['lk_one'], capabilityKeys: [key] })
    const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
    expect((await server.fetch('/metrics')).status).toBe(401)
    expect((await server.fetch('/metrics', undefined, bearer('lk_one'))).status).toBe(200)
    const terms = { key, subject: 'user', locks: ['k'], now: server.clock.wall() }
    const capability = await mintCapability({ ...terms, rights: ['inspect'] })
    expect((await server.fetch('/metrics', undefined, bearer(capability))).status).toBe(403)
    await server.handler.close()
  })

  it('is nothing where nobody measures', async () => {
    const handler = createHandler()
    expect((await handler.fetch(new Request('http://localhost/metrics'))).status).toBe(404)
    await handler.close()
  })
})

describe('docs/operations.md', () => {
  it('has every metric of ours, with its type and labels, and no other', async () => {
    const metrics = new Metrics({ store: createMemoryStore(), version: '0' })
    const registered = metrics.registry
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith('lockable_'))
      .map((metric) => {
        const { name, labelNames } = metrics.registry.getSingleMetric(metric.name) as unknown as {
          name: string
          labelNames: readonly string[]
        }
        return `${name} ${String(metric.type)} ${labelNames.join(', ')}`.trim()
      })
    const rows = [...OPERATIONS_DOC.matchAll(/^\| `(lockable_\w+)` \| (\w+) \|([^|]*)\|/gm)]
    const documented = rows.map(([, name, type, labels = '']) =>
      `${name} ${type} ${labels.replaceAll('`', '').trim()}`.trim(),
    )
    expect(documented.sort()).toEqual(registered.sort())
  })
})
