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
  | 'forgotten promise'
  | 'overlong belief'
  | 'steal'
  | 'grace'
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

/** What is wrong before any harm is done. Somebody who looks for the harm is deaf to them. */
export const EARLY_RULES: readonly Rule[] = ['forgotten promise', 'overlong belief']

export interface Violation {
  readonly rule: Rule
  /** True ms. */
  readonly at: number
  readonly detail: string
}

/** Takes what the oracles find in one schedule. */
export class Verdict {
  readonly violations: Violation[] = []
  readonly #deafTo: ReadonlySet<Rule>
  readonly #now: () => number
  readonly #found: (violation: Violation) => void

  /** @param deafTo rules that are not listened to. */
  constructor(now: () => number, deafTo: ReadonlySet<Rule>, found: (violation: Violation) => void) {
    this.#now = now
    this.#deafTo = deafTo
    this.#found = found
  }

  broken(rule: Rule, detail: string): void {
    if (this.#deafTo.has(rule)) return
    const violation = { rule, at: this.#now(), detail }
    this.violations.push(violation)
    this.#found(violation)
  }
}
