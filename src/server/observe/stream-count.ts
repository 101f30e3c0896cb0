import type { Observer } from './facts.ts'

/** Counts the streams that are open. */
export class StreamCount {
  readonly #observe: Observer
  #count = 0

  constructor(observe: Observer) {
    this.#observe = observe
  }

  /** Runs a stream to its end. */
  async during<End>(run: () => Promise<End>): Promise<End> {
    this.#countBy(1)
    try {
      return await run()
    } finally {
      this.#countBy(-1)
    }
  }

  #countBy(difference: number): void {
    this.#count += difference
    this.#observe({ kind: 'streams', count: this.#count })
  }
}
