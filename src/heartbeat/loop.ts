import { type HeartbeatAnswer, sendHeartbeat } from '../core/calls.ts'
import { type Clock, type Instant, instant } from '../core/clock.ts'
import { describeError, type ErrorDescription, ServerError } from '../core/errors.ts'
import type { Beating, HeartbeatReport } from '../core/heartbeat-host.ts'
import type { CancelTimer, Send, Timers } from '../core/ports.ts'
import { sendSessionHeartbeat } from '../core/session/calls.ts'
import { remaining, type Term, termOf } from '../core/term.ts'

/** ms between heartbeats at most. */
const LONGEST_INTERVAL_MS = 15_000
/** An attempt may take this part of what the last reply granted, so that at least three fit into a lease. */
const ATTEMPT_PART = 1 / 6
/** Below this no answer can be expected over a network, however short the lease. */
const SHORTEST_ATTEMPT_MS = 250
/** The first repetition of a failed heartbeat waits this part of what the last reply granted. */
const BACKOFF_PART = 1 / 30
/** The part of an interval after which a worker says again that it runs: its page takes over within one. */
const TICK_PART = 1 / 8
const LONGEST_TICK_MS = 1_000
const SHORTEST_TICK_MS = 100

/** All that a beat loop is given: it touches no global, so it runs in a worker, on a page and under virtual time. */
export interface BeatLoopRuntime extends Clock, Timers {
  random(): number
  readonly send: Send
  readonly report: (report: HeartbeatReport) => void
  /** ms since the page last showed that it runs; 0 where the loop runs on the page itself. */
  silentMs(): number
}

/** Sends the heartbeats of any number of held locks and of sessions. */
export class BeatLoop {
  readonly #runtime: BeatLoopRuntime
  readonly #beats = new Map<string, Beat>()
  /** Dropped, with a heartbeat still on its way. */
  readonly #ending = new Set<Beat>()
  #authToken: string | null = null

  constructor(runtime: BeatLoopRuntime) {
    this.#runtime = runtime
  }

  hold(beating: Beating): void {
    this.#beats.get(beating.id)?.stop()
    this.#beats.set(beating.id, new Beat(this.#runtime, beating, () => this.#authToken))
  }

  /** Resolves when no heartbeat of this lock is on its way any more. */
  async drop(id: string): Promise<void> {
    const beat = this.#beats.get(id)
    this.#beats.delete(id)
    if (beat === undefined) return
    this.#ending.add(beat)
    await beat.stop()
    this.#ending.delete(beat)
  }

  pause(id: string, paused: boolean): void {
    this.#beats.get(id)?.pause(paused)
  }

  nudge(all: boolean): void {
    for (const beat of this.#beats.values()) beat.nudge(all)
  }

  setAuthToken(token: string | null): void {
    this.#authToken = token
  }

  /** ms between signs of life that suit every lock that is held; `null` if there is none, nor a heartbeat on its way. */
  tickMs(): number | null {
    if (this.#beats.size === 0 && this.#ending.size === 0) return null
    let shortest = LONGEST_TICK_MS
    for (const beat of this.#beats.values()) shortest = Math.min(shortest, beat.tickMs)
    return Math.max(SHORTEST_TICK_MS, shortest)
  }

  close(): void {
    for (const beat of this.#beats.values()) void beat.stop()
    this.#beats.clear()
  }
}

/** The heartbeats of one lease or session. One is on its way at a time, so the latest answer is that of the latest request. */
class Beat {
  readonly #runtime: BeatLoopRuntime
  readonly #beating: Beating
  readonly #authToken: () => string | null
  #term: Term
  #failures = 0
  #state: 'running' | 'paused' | 'stopped' = 'running'
  #stalled = false
  #onItsWay: Promise<void> | null = null
  #cancelTimer: CancelTimer = () => {}
  readonly #abort = new AbortController()

  constructor(runtime: BeatLoopRuntime, beating: Beating, authToken: () => string | null) {
    this.#runtime = runtime
    this.#beating = beating
    this.#authToken = authToken
    this.#term = beating.term
    this.#schedule(beating.confirm ? 0 : this.#dueIn())
  }

  /** ms between signs of life that suit this lock. */
  get tickMs(): number {
    return Math.min(this.#interval() * TICK_PART, (this.#beating.stallTimeoutMs ?? Number.POSITIVE_INFINITY) / 4)
  }

  /** Resolves when the request that is on its way has ended: a classic one must not be overtaken by a release. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#cancelTimer()
    // With an owner a heartbeat that comes after the release can do no harm.
    if (!this.#isClassic) this.#abort.abort()
    await this.#onItsWay
  }

  pause(paused: boolean): void {
    if (this.#state === 'stopped') return
    this.#state = paused ? 'paused' : 'running'
    if (paused) this.#cancelTimer()
    else this.#schedule(0)
  }

  nudge(all: boolean): void {
    if (all || this.#failures > 0 || this.#stalled || this.#dueIn() === 0) this.#schedule(0)
  }

  #schedule(ms: number): void {
    this.#cancelTimer()
    if (this.#state !== 'running' || this.#onItsWay !== null) return
    this.#cancelTimer = this.#runtime.setTimer(() => this.#beat(), ms, true)
  }

  #beat(): void {
    const left = remaining(this.#term, this.#runtime)
    // After its own deadline a grant is never renewed: that could be somebody else's lock by now (safety rule 3).
    if (this.#state !== 'running') return
    if (left === 0) return this.#lapse()
    if (this.#withheld()) return this.#schedule(Math.min(left, this.#interval()) / 4)
    const timeoutMs = Math.min(left, Math.max(SHORTEST_ATTEMPT_MS, this.#term.span * ATTEMPT_PART))
    const sentAt = instant(this.#runtime)
    this.#onItsWay = this.#hear(this.#send(timeoutMs), sentAt).then((delay) => {
      this.#onItsWay = null
      if (delay !== null) this.#schedule(delay)
    })
    // Told after the request has left: whoever listens may take its time, or release.
    this.#runtime.report({ type: 'sent', id: this.#beating.id })
  }

  /** The page is told, since its own timers may be throttled; and it may know of a later end. */
  #lapse(): void {
    this.#state = 'stopped'
    this.#runtime.report({ type: 'lapsed', id: this.#beating.id })
  }

  #send(timeoutMs: number): Promise<HeartbeatAnswer> {
    const { send } = this.#runtime
    const options = { timeoutMs, signal: this.#abort.signal }
    return this.#beating.kind === 'session'
      ? sendSessionHeartbeat(send, { session: this.#beating.session }, this.#authToken(), options)
      : sendHeartbeat(send, this.#beating, this.#authToken(), options)
  }

  get #isClassic(): boolean {
    return this.#beating.kind === 'lock' && this.#beating.owner === null
  }

  /** Whether the page is silent for longer than `stallTimeout`: a lock must not outlive a page that cannot react. */
  #withheld(): boolean {
    const { stallTimeoutMs, id } = this.#beating
    const silentMs = this.#runtime.silentMs()
    const stalled = stallTimeoutMs !== null && silentMs > stallTimeoutMs
    if (stalled && !this.#stalled) this.#runtime.report({ type: 'stalled', id, silentMs })
    this.#stalled = stalled
    return stalled
  }

  /** Resolves to the ms until the next heartbeat, or to `null` if there is none. */
  async #hear(answer: Promise<HeartbeatAnswer>, sentAt: Instant): Promise<number | null> {
    try {
      const heard = await answer
      return this.#state === 'stopped' ? null : this.#answered(heard, sentAt)
    } catch (error) {
      if (this.#state === 'stopped') return null
      return this.#failed(error)
    }
  }

  #answered(answer: HeartbeatAnswer, sentAt: Instant): number | null {
    const { id } = this.#beating
    if (!answer.renewed) {
      this.#state = 'stopped'
      this.#runtime.report({ type: 'refused', id, reason: answer.reason })
      return null
    }
    if (this.#isClassic && remaining(this.#term, this.#runtime) === 0) {
      // Without an owner, a yes that came so late may have renewed somebody else's lock.
      this.#lapse()
      return null
    }
    this.#failures = 0
    this.#term = termOf(sentAt, answer.expiresInMs)
    const rttMs = this.#runtime.now() - sentAt.mono
    const { expiresInMs, ending, successor, standing } = answer
    this.#runtime.report({ type: 'renewed', id, sentAt, expiresInMs, rttMs, ending, successor, standing })
    // A fixed end leaves nothing to renew, but to be told.
    return ending === null ? this.#dueIn() : remaining(this.#term, this.#runtime) + 1
  }

  #failed(error: unknown): number {
    this.#failures += 1
    const description: ErrorDescription = describeError(error)
    this.#runtime.report({ type: 'failed', id: this.#beating.id, error: description })
    const longest = this.#term.span * ATTEMPT_PART
    const backoff = Math.min(longest, this.#term.span * BACKOFF_PART * 2 ** (this.#failures - 1))
    const asked = error instanceof ServerError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(backoff * (0.5 + this.#runtime.random()), Math.min(asked, longest))
  }

  #interval(): number {
    const { intervalMs } = this.#beating
    return Math.min(intervalMs ?? LONGEST_INTERVAL_MS, this.#term.span / (intervalMs === null ? 3 : 2))
  }

  /** ms until the next heartbeat, counted from when the last successful one was sent. */
  #dueIn(): number {
    return Math.max(0, this.#interval() - (this.#term.span - remaining(this.#term, this.#runtime)))
  }
}
