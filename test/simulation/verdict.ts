/** Which rule was broken. */
export type Rule =
  | 'mutual exclusion'
  | 'no revival'
  | 'fencing'
  | 'fifo'
  | 'lost wake-up'
  | 'zombie grant'
  | 'claim'
  | 'promise'
  | 'confirmation'
  | 'session'
  | 'zombie session'
  | 'seq'
  | 'abort first'
  | 'history'
  | 'heartbeat without belief'
  | 'stray request'
  | 'liveness'
  | 'settling'
  | 'quiescence'
  | 'loss without a fault'
  | 'loss without a word'
  | 'secrecy'
  | 'exception'

export interface Violation {
  readonly rule: Rule
  /** True ms. */
  readonly at: number
  readonly detail: string
}

/** Takes what the oracles find in one schedule. */
export class Verdict {
  readonly violations: Violation[] = []
  readonly #now: () => number
  readonly #found: (violation: Violation) => void

  constructor(now: () => number, found: (violation: Violation) => void) {
    this.#now = now
    this.#found = found
  }

  broken(rule: Rule, detail: string): void {
    const violation = { rule, at: this.#now(), detail }
    this.violations.push(violation)
    this.#found(violation)
  }
}
