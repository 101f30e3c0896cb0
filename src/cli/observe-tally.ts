import { Counter, type Registry } from 'prom-client'

export interface TallyOptions {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly registry: Registry
}

interface Count {
  readonly labels: Readonly<Record<string, string>>
  count: number
}

/** A counter that is quick to count: prom-client's own looks its labels up anew each time, so it is told when it is read. */
export class Tally {
  readonly #labelNames: readonly string[]
  readonly #counts = new Map<string, Count>()

  constructor({ name, help, labelNames, registry }: TallyOptions) {
    this.#labelNames = labelNames
    const pour = (counter: Counter) => this.#pour(counter)
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        pour(this)
      },
    })
    if (labelNames.length === 0) this.begin()
  }

  /** Counts one, with the values of its labels in their order. */
  add(first: string = '', second: string = '', third: string = ''): void {
    const key = `${first}\0${second}\0${third}`
    const found = this.#counts.get(key)
    if (found === undefined) this.begin(first, second, third).count = 1
    else found.count += 1
  }

  /** Tells of these values from now on, though there is nothing to count yet. */
  begin(first: string = '', second: string = '', third: string = ''): Count {
    const values = [first, second, third]
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? '']))
    const count = { labels, count: 0 }
    this.#counts.set(values.join('\0'), count)
    return count
  }

  #pour(counter: Counter): void {
    counter.reset()
    for (const { labels, count } of this.#counts.values()) counter.inc(labels, count)
  }
}
