import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Observer, ServerFact } from '../server/observe/facts.ts'
import type { MetricsPage } from '../server/options.ts'
import type { LockStore } from '../server/store.ts'
import { Distribution } from './observe-distribution.ts'
import { Tally } from './observe-tally.ts'

/** From 100 µs, which a step in memory takes, to what ends a request. */
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** From a hand-off at once to the longest that people wait. */
const WAIT_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600]

const HOLD_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 1_800, 3_600, 21_600, 86_400]

export interface MetricsOptions {
  readonly store: LockStore
  readonly version: string
}

/** The figures of a lock server for Prometheus, with those of its process. No label has more than a few values. */
export class Metrics {
  readonly registry: Registry = new Registry()
  readonly observe: Observer = (fact) => this.#count(fact)
  readonly #acquires = this.#counter('acquires', 'Acquires that the store answered.', ['result', 'mode'])
  readonly #acquireSeconds = this.#histogram(
    'acquire_seconds',
    'From the arrival of an acquire request to its reply, waiting included.',
    WAIT_SECONDS,
    ['dialect'],
  )
  readonly #grants = this.#counter('grants', 'Grants, at once or out of the queue.', ['mode', 'from'])
  readonly #waitSeconds = this.#histogram(
    'wait_seconds',
    'How long those had waited who were granted out of the queue.',
    WAIT_SECONDS,
  )
  readonly #handOffSeconds = this.#histogram(
    'hand_off_seconds',
    'From when the store told this server of a grant out of the queue to when it told the waiter.',
    STEP_SECONDS,
  )
  readonly #holdSeconds = this.#histogram('hold_seconds', 'How long locks were held.', HOLD_SECONDS)
  readonly #heartbeats = this.#counter('heartbeats', 'Heartbeats that the store answered.', ['result', 'of'])
  readonly #releases = this.#counter('releases', 'Releases that the store answered.', ['result', 'of'])
  readonly #expired = this.#counter(
    'expired',
    'Leases that ran out while somebody held: its holder died or was cut off.',
  )
  readonly #unconfirmed = this.#counter(
    'unconfirmed_claims',
    'Grants out of the queue that nobody took: the waiter had gone.',
  )
  readonly #steals = this.#counter('steals', 'Holders that lost the lock to somebody who stole it.')
  readonly #revoked = this.#counter('revoked', 'Holders that lost the lock by force or because their time was up.')
  readonly #spentOwners = this.#counter(
    'spent_owners_refused',
    'Acquires of an owner that was over: late requests of clients that had gone.',
  )
  readonly #stepSeconds = this.#histogram('store_step_seconds', 'How long steps of the store took.', STEP_SECONDS, [
    'op',
  ])
  readonly #storeErrors = this.#counter('store_errors', 'Steps of the store that failed.', ['op'])
  readonly #requests = this.#counter('http_requests', 'HTTP requests that were answered.', [
    'route',
    'method',
    'status',
  ])
  readonly #parked = this.#gauge('parked_requests', 'Requests that wait for a lock.')
  readonly #streams = this.#gauge('streams', 'Event streams that are open.')

  constructor({ store, version }: MetricsOptions) {
    collectDefaultMetrics({ register: this.registry })
    this.#gauge('build_info', 'Always 1; says which version runs.', ['version', 'store']).set(
      { version, store: store.traits.kind },
      1,
    )
    this.#gauge('grace_seconds', 'For how long nothing is granted yet.', [], (gauge) =>
      gauge.set((store.graceMs ?? 0) / 1_000),
    )
    for (const [name, help] of CENSUS) {
      this.#gauge(name, help, [], (gauge) => {
        const census = store.census?.()
        if (census) gauge.set(census[name])
      })
    }
    for (const mode of ['exclusive', 'shared']) {
      for (const result of ['granted', 'queued', 'refused', 'spent', 'conflict', 'full']) {
        this.#acquires.begin(result, mode)
      }
    }
  }

  /** What `GET /metrics` answers. */
  async page(): Promise<MetricsPage> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() }
  }

  #count(fact: ServerFact): void {
    switch (fact.kind) {
      case 'request':
        this.#requests.add(fact.route, fact.method, String(fact.status))
        if (fact.route === '/v1/acquire/*') this.#acquireSeconds.observe(fact.ms, dialectOf(fact.method))
        return
      case 'store-step':
        this.#stepSeconds.observe(fact.ms, fact.operation)
        if (fact.error !== null) this.#storeErrors.add(fact.operation)
        return
      case 'acquire':
        this.#acquires.add(fact.result, fact.mode)
        if (fact.result === 'spent') this.#spentOwners.add()
        return
      case 'heartbeat':
        return this.#heartbeats.add(fact.result, fact.isSession ? 'session' : 'lock')
      case 'release':
        return this.#releases.add(fact.result, fact.isSession ? 'session' : 'lock')
      case 'granted':
        this.#grants.add(fact.mode, fact.claim ? 'queue' : 'request')
        if (fact.claim) this.#waitSeconds.observe(fact.waitedMs)
        return
      case 'ended':
        return this.#countEnd(fact)
      case 'hand-off':
        return this.#handOffSeconds.observe(fact.ms)
      case 'parked':
        return this.#parked.set(fact.count)
      case 'streams':
        return this.#streams.set(fact.count)
    }
  }

  #countEnd({ reason, claim, heldMs }: Extract<ServerFact, { kind: 'ended' }>): void {
    if (reason === 'expired' && claim) return this.#unconfirmed.add()
    this.#holdSeconds.observe(heldMs)
    if (reason === 'expired') this.#expired.add()
    if (reason === 'stolen') this.#steals.add()
    if (reason === 'revoked') this.#revoked.add()
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Tally {
    return new Tally({ name: `lockable_${name}_total`, help, labelNames, registry: this.registry })
  }

  #histogram(name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []): Distribution {
    return new Distribution({ name: `lockable_${name}`, help, buckets, labelNames, registry: this.registry })
  }

  #gauge<Label extends string = never>(
    name: string,
    help: string,
    labelNames: Label[] = [],
    collect?: (gauge: Gauge<Label>) => void,
  ): Gauge<Label> {
    return new Gauge({
      name: `lockable_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect && {
        collect() {
          collect(this)
        },
      }),
    })
  }
}

const CENSUS = [
  ['locks', 'Locks that are held or waited for.'],
  ['holders', 'Holders of all locks.'],
  ['waiters', 'Waiters of all locks.'],
  ['sessions', 'Sessions that are open.'],
] as const

function dialectOf(method: string): string {
  return method === 'POST' ? 'owned' : 'classic'
}
