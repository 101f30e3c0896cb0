/** What happened in one schedule: always as a hash, and as readable lines if they are wanted. */
export class Trace {
  /** Empty unless the lines are kept. */
  readonly lines: string[] = []
  readonly #keeps: boolean
  #hash = 0x811c9dc5

  /** @param keeps whether lines are kept to be read. */
  constructor(keeps: boolean) {
    this.#keeps = keeps
  }

  /** Two schedules with the same hash went the same way. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** @param at true ms. */
  add(at: number, who: string, what: string): void {
    this.#mix(Math.round(at * 1000))
    for (let index = 0; index < who.length; index += 1) this.#mix(who.charCodeAt(index))
    for (let index = 0; index < what.length; index += 1) this.#mix(what.charCodeAt(index))
    if (this.#keeps) this.lines.push(`${(at / 1000).toFixed(3).padStart(9)}  ${who.padEnd(7)} ${what}`)
  }

  /** FNV-1a, a number at a time. */
  #mix(number: number): void {
    this.#hash = Math.imul(this.#hash ^ (number | 0), 0x01000193)
  }
}
