import type { Believer } from './believer.ts'
import type { HistoryRecorder } from './history-recorder.ts'
import type { ServerHistory } from './server-history.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

/** Rounding. */
const PROMISE_SLACK_MS = 2

export interface BeliefsOptions {
  readonly verdict: Verdict
  readonly trace: Trace
  readonly history: HistoryRecorder
  readonly now: () => number
  readonly looksAtFrozen: boolean
  /** Until when a holder that was robbed may believe beside others, and what servers have promised. */
  readonly server: Pick<ServerHistory, 'robbedUntil' | 'promisedUntil'>
}

interface Belief {
  readonly believer: Believer
  /** True ms. */
  readonly since: number
  isOver: boolean
}

/**
 * Checks that no two exclude each other and both believe. Beliefs overlap if and only if one begins within another, so
 * it is enough to ask everybody whenever one begins or is prolonged. They are asked as an application would, by a read
 * on their own machine at that very moment, whatever that machine has heard by then.
 */
export class Beliefs {
  readonly #options: BeliefsOptions
  readonly #beliefs = new Map<string, Belief[]>()

  constructor(options: BeliefsOptions) {
    this.#options = options
  }

  /** An acquire resolved. */
  begin(believer: Believer): void {
    const { now, trace } = this.#options
    const beliefs = this.#beliefs.get(believer.name) ?? []
    this.#beliefs.set(believer.name, beliefs)
    trace.add(now(), believer.label, `HOLDS ${believer.name} ${believer.mode} ${believer.fencingToken}`)
    beliefs.push({ believer, since: now(), isOver: false })
    this.look(believer.name)
  }

  /** Asks everybody who believed in a lock of this name. */
  look(name: string): void {
    const holding: Belief[] = []
    for (const belief of this.#beliefs.get(name) ?? []) {
      if (!this.#holds(belief)) continue
      holding.push(belief)
      this.#options.history.believes(belief.believer)
      this.#checkPromise(belief.believer)
    }
    for (const [index, one] of holding.entries()) {
      for (const other of holding.slice(index + 1)) this.#compare(one, other)
    }
  }

  /** How many true ms it would have been certain yet when it was asked last; 0 if it was not. */
  certainMs(believer: Believer): number {
    const { history, now } = this.#options
    return Math.max(0, (history.certainUntil(believer) ?? 0) - now())
  }

  /** It gives the lock back, or found it lost: from now on it may be somebody else's. */
  ends(believer: Believer): void {
    this.#options.history.ends(believer)
  }

  /** Whether somebody on this machine believes in a lock of this name. */
  isHeldOn(machine: Believer['machine'], name: string): boolean {
    return (this.#beliefs.get(name) ?? []).some(
      (belief) => belief.believer.machine === machine && !belief.isOver && belief.believer.believes(),
    )
  }

  /** At the end: nobody believes, and nobody believes again. */
  end(): void {
    for (const beliefs of this.#beliefs.values()) {
      for (const belief of beliefs) {
        if (this.#holds(belief)) {
          this.#options.verdict.broken('quiescence', `${belief.believer.label} still believes when all is over`)
        }
      }
    }
  }

  #holds(belief: Belief): boolean {
    const { machine, label, name } = belief.believer
    if (!machine.isAlive) return false
    if (!machine.isRunning && !this.#options.looksAtFrozen) return false
    const believes = belief.believer.believes()
    if (belief.isOver && believes) this.#options.verdict.broken('no revival', `${label} believes in ${name} again`)
    if (!belief.isOver && !believes) {
      belief.isOver = true
      this.#options.trace.add(this.#options.now(), label, `no longer holds ${name} ${belief.believer.fencingToken}`)
    }
    return believes
  }

  /** Nobody counts on more than some reply has promised. */
  #checkPromise(believer: Believer): void {
    const { server, verdict, history } = this.#options
    const { fencingToken, name, label } = believer
    const until = fencingToken === null ? null : server.promisedUntil(name, fencingToken)
    const overMs = (history.certainUntil(believer) ?? 0) - (until ?? Number.POSITIVE_INFINITY)
    if (overMs <= PROMISE_SLACK_MS) return
    verdict.broken(
      'overlong belief',
      `${label} counts on ${name} for ${Math.round(overMs)} ms more than it was promised`,
    )
  }

  /** Whether it was robbed by `steal: 'now'`, though a restart may have forgotten that. */
  wasRobbed(fencingToken: number | null): boolean {
    return fencingToken !== null && this.#options.server.robbedUntil(fencingToken) !== null
  }

  /** Whether it was robbed by `steal: 'now'`, and its deadline of then is not over. */
  #isExempt({ fencingToken }: Believer): boolean {
    const until = fencingToken === null ? null : this.#options.server.robbedUntil(fencingToken)
    return until !== null && this.#options.now() <= until + PROMISE_SLACK_MS
  }

  #compare(one: Belief, other: Belief): void {
    const { verdict } = this.#options
    const [first, second] = [one.believer, other.believer]
    if (first.mode === 'shared' && second.mode === 'shared') return
    if (this.#isExempt(first) || this.#isExempt(second)) return
    verdict.broken(
      'mutual exclusion',
      `${first.label} (since ${since(one)} s, token ${first.fencingToken}) and ${second.label} (since ${since(other)} s, token ${second.fencingToken}) both believe in ${first.name}`,
    )
  }
}

function since(belief: Belief): string {
  return (belief.since / 1000).toFixed(3)
}
