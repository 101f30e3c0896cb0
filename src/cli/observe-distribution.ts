import type { Metric, Registry } from 'prom-client'

export interface DistributionOptions {
  readonly name: string
  readonly help: string
  /** The upper bounds of the buckets, from the smallest; without the last, which has none. */
  readonly buckets: readonly number[]
  /** At most one. */
  readonly labelNames: readonly string[]
  readonly registry: Registry
}

interface Series {
  /** How many were in each bucket; the last has no bound. */
  readonly counts: number[]
  sum: number
}

/** One line of what Prometheus reads. */
interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A histogram that is quick to observe, as a metric of prom-client, whose own looks its labels up anew each time. */
export class Distribution {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly labelNames: readonly string[]
  readonly #buckets: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor({ name, help, buckets, labelNames, registry }: DistributionOptions) {
    this.name = name
    this.help = help
    this.labelNames = labelNames
    this.#buckets = buckets
    if (labelNames.length === 0) this.#begin('')
    // A registry asks its metrics for nothing but these members and `get`, though its types want one of its own.
    registry.registerMetric(this as unknown as Metric)
  }

  /** @param label the value of its label, if it has one. */
  observe(ms: number, label: string = ''): void {
    const seconds = ms / 1_000
    const series = this.#series.get(label) ?? this.#begin(label)
    let bucket = 0
    while (bucket < this.#buckets.length && seconds > (this.#buckets[bucket] ?? 0)) bucket += 1
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
  }

  /** What the registry asks for. */
  async get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }> {
    const { name, help, type } = this
    return {
      name,
      help,
      type,
      aggregator: 'sum',
      values: [...this.#series].flatMap((entry) => this.#valuesOf(...entry)),
    }
  }

  #begin(label: string): Series {
    const series = { counts: [...this.#buckets, Number.POSITIVE_INFINITY].map(() => 0), sum: 0 }
    this.#series.set(label, series)
    return series
  }

  #valuesOf(label: string, { counts, sum }: Series): Value[] {
    const { name } = this
    const labels = Object.fromEntries(this.labelNames.map((labelName) => [labelName, label]))
    let below = 0
    const buckets = counts.map((count, index) => {
      below += count
      return { metricName: `${name}_bucket`, labels: { le: this.#buckets[index] ?? '+Inf', ...labels }, value: below }
    })
    const rest = [
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: below },
    ]
    return [...buckets, ...rest]
  }
}
