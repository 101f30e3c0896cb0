import { SESSION_PATHS } from '../../protocol/paths.ts'
import type { ReleaseResult, SessionEnded, SessionEvent, SessionStanding, SyncReply } from '../../protocol/session.ts'
import type { EndReason } from '../../protocol/wire.ts'
import type { Acquisition } from '../acquisition.ts'
import { pause } from '../async.ts'
import { type ReadReply, sendRelease } from '../calls.ts'
import { type Instant, instant } from '../clock.ts'
import { REQUEST_TIMEOUT_MS } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { isLockableError, type LockableError } from '../errors.ts'
import type { HeartbeatReport } from '../heartbeat-host.ts'
import { remaining, type Term, termOf } from '../term.ts'
import { sendSessionHeartbeat, sendSessionRelease } from './calls.ts'
import type { Listening } from './listening.ts'
import { CommandPipe, type Entry, type PipeAnswer } from './pipe.ts'
import { type LeaveOptions, Place, type PlaceSession } from './place.ts'

/** An idle session with less of its lease left is not worth to be gone on with. */
const USABLE_PART = 1 / 3
/** ms for which a server can be left alone with an idle session. */
const LONG_IDLE_MS = 60_000
/** Replies to commands extend what is held when the last extension is this part of the lease old. */
const EXTENSION_PART = 1 / 6
/** How often a release is repeated before whoever waits for it is told; it goes on being repeated. */
const RELEASE_ATTEMPTS = 3
/** ms for which a release or a confirmation waits for its answer by the pipe; then it is sent past it, too. */
const HELD_UP_MS = 500
/** ms that a confirmation past the pipe may take: about as long as a claim lives. */
const CONFIRM_TIMEOUT_MS = 4_000
/** How often, and how long, the end of a session is told. */
const END = { attempts: 4, delayMs: 200, timeoutMs: 5_000 }
/** How many places ask anew with a poll: to hear who holds, and in which position they are. */
const MOST_ASKED = 20

export interface SessionOptions {
  readonly context: ClientContext
  readonly listening: Listening
  /** The lease to ask for, in ms; `null` for the server's own. */
  readonly leaseMs: number | null
  readonly stallTimeoutMs: number | null
  /** The session is over and must not be used any more. */
  readonly over: (session: Session) => void
}

/**
 * One session with a server: what is acquired through it lives as long as it is renewed.
 *
 * Every reply tells how it stands. A held lock goes on to be held by each reply of the same epoch that does not list it
 * in `ended` or `ending`, whatever order the replies come in: a session is never shortened, and the fixed end of a lock
 * is never before what was promised until then.
 */
export class Session implements PlaceSession {
  /** Unique within the client. Not a secret. */
  readonly id: string
  /** Whoever knows it is this session. */
  readonly secret: string
  readonly #options: SessionOptions
  readonly #context: ClientContext
  readonly #places = new Map<string, Place>()
  readonly #claims = new Set<string>()
  /** The owners whose release is not answered yet, and how to say that it is. */
  readonly #leaving = new Map<string, (acknowledged: boolean) => void>()
  readonly #queued = new Set<Place>()
  readonly #pipe: CommandPipe
  readonly #controller = new AbortController()
  #epoch: number | null = null
  #leaseMs = 0
  #term: Term | null = null
  #extendedAt = Number.NEGATIVE_INFINITY
  #isBeating = false
  #isConfirming = false
  #hasLeft = false
  #left: Promise<unknown> | null = null

  constructor(options: SessionOptions) {
    const { context, leaseMs } = options
    this.#options = options
    this.#context = context
    this.id = context.newId()
    this.secret = context.runtime.newSecret()
    context.listeners.set(this.id, (report) => this.hear(report))
    this.#pipe = new CommandPipe({
      runtime: context.runtime,
      connection: context.connection,
      session: this.secret,
      leaseMs,
      over: this.#controller.signal,
      claimed: () => [...this.#claims],
      answered: (answer) => this.#answered(answer),
      failed: (error) => this.#failed(error),
      refused: (error) => this.#refused(error),
      gone: (reason) => this.#gone(reason),
    })
  }

  get isOver(): boolean {
    return this.#controller.signal.aborted
  }

  /** Whether the server has, as far as is known, nothing for this session. */
  get isIdle(): boolean {
    return this.#places.size === 0 && this.#leaving.size === 0
  }

  get term(): Term | null {
    return this.#term
  }

  get leaseMs(): number {
    return this.#leaseMs
  }

  /** Whether more can be acquired through it: it is in use, or enough of its lease is left. */
  get isUsable(): boolean {
    if (this.isOver) return false
    if (this.#places.size > 0 || this.#term === null) return true
    return remaining(this.#term, this.#context.runtime) > this.#term.span * USABLE_PART
  }

  enter(acquisition: Acquisition): Place {
    const place = new Place(this, acquisition)
    this.#places.set(place.owner, place)
    return place
  }

  /** What the beat loop tells of this session. */
  hear(report: HeartbeatReport): void {
    if (this.isOver) return
    switch (report.type) {
      case 'renewed':
        if (report.standing !== null) this.#stand(report.standing, report.sentAt, { isHeartbeat: true })
        return
      case 'lapsed':
        return this.#lapsed()
      case 'refused':
        return this.#gone(report.reason === 'no' ? 'unknown' : report.reason)
      default:
        return this.#tellAll(report)
    }
  }

  /** What a stream tells; only a hint, but for the claims. */
  hearEvent(event: SessionEvent): void {
    if (this.isOver) return
    if (event.type === 'gone') return this.#pipe.poll()
    if (event.epoch !== this.#epoch) return this.#pipe.poll()
    const place = this.#places.get(event.owner)
    if (event.type === 'granted') place?.claimedByEvent(event, event.epoch)
    else if (event.type === 'ending') this.#pipe.poll()
    // Only of what there is: whoever else is named is released when a reply names it.
    else if (event.type === 'lost' && place) this.#ended(event)
  }

  /** There may be news, and only the server says what. */
  hearHint(): void {
    if (!this.isOver) this.#pipe.poll()
  }

  /** Asks how all that waits stands. */
  poll(): void {
    if (this.#queued.size <= MOST_ASKED) for (const place of [...this.#queued]) place.askAgain()
    this.#pipe.poll()
  }

  nudge(): void {
    this.#pipe.nudge()
  }

  ask(entry: Entry): void {
    this.#pipe.add(entry)
  }

  unask(entry: Entry): void {
    this.#pipe.remove(entry)
  }

  confirm({ owner }: Place): void {
    this.#claims.add(owner)
    this.#pipe.kick()
    this.#confirmPast()
  }

  waitingChanged(place: Place): void {
    const hadAny = this.#queued.size > 0
    if (place.state === 'queued') this.#queued.add(place)
    else this.#queued.delete(place)
    if (this.#queued.size > 0 === hadAny || this.isOver) return
    if (hadAny) this.#options.listening.remove(this)
    else this.#options.listening.add(this)
  }

  async leave(place: Place, { tell, isWanted }: LeaveOptions): Promise<boolean> {
    const { owner, name } = place
    this.#forget(place)
    if (this.isOver || !tell) return false
    return this.#release(owner, name, isWanted)
  }

  /** Ends the session from a page that is about to go: one request for all, and at once. */
  leavePage(): Promise<unknown> {
    this.#hasLeft = true
    this.#left ??= this.#end('released', true)
    return this.#left
  }

  /** Ends the session. One that has lapsed is not told of. */
  async close(): Promise<void> {
    if (!this.isOver) await this.#end('released', !this.#isPastDeadline || !this.isIdle)
  }

  /** Ends an idle session that another one replaces. It lapses by itself, unless that would take long. */
  async retire(): Promise<void> {
    const left = this.#term === null ? 0 : remaining(this.#term, this.#context.runtime)
    if (!this.isOver) await this.#end('released', left > LONG_IDLE_MS || !this.isIdle)
  }

  problem(read: ReadReply): LockableError {
    return this.#context.connection.error({ method: 'POST', path: SESSION_PATHS.commands }, read)
  }

  #answered({ reply, sentAt, named }: PipeAnswer): void {
    for (const place of this.#places.values()) place.answered()
    if (this.#isPresent(reply.epoch)) for (const ended of reply.ended) this.#ended(ended)
    this.#confirmed(reply, sentAt, named)
    this.#stand(reply, sentAt, { isHeartbeat: false })
    this.#keepBeating()
  }

  /** Those, and only those, that were named and are listed are held from here. */
  #confirmed(standing: SessionStanding, sentAt: Instant, named: readonly string[]): void {
    if (!this.#isPresent(standing.epoch)) return
    const confirmed = new Set(standing.confirmed)
    const fixed = new Map(standing.ending.map(({ owner, expires_in_ms }) => [owner, expires_in_ms]))
    for (const owner of named) {
      this.#claims.delete(owner)
      const place = this.#places.get(owner)
      const expiresInMs = fixed.get(owner) ?? standing.expires_in_ms
      if (confirmed.has(owner)) place?.confirmed(sentAt, expiresInMs, standing.epoch)
      else this.#ended({ owner, name: place?.name ?? '', reason: 'expired' })
    }
  }

  #stand(standing: SessionStanding, sentAt: Instant, { isHeartbeat }: { readonly isHeartbeat: boolean }): void {
    if (!this.#isPresent(standing.epoch) || this.isOver) return
    this.#leaseMs = standing.lease_ms
    this.#prolong(termOf(sentAt, standing.expires_in_ms))
    for (const ended of standing.ended) this.#ended(ended)
    for (const claim of standing.claims) {
      const place = this.#places.get(claim.owner)
      if (place) place.claimed(claim, termOf(sentAt, claim.expires_in_ms), standing.epoch)
      else this.#acknowledge(claim.owner, claim.name)
    }
    for (const ending of standing.ending) {
      const place = this.#places.get(ending.owner)
      if (place) place.ending(ending, sentAt)
      else this.#acknowledge(ending.owner, ending.name)
    }
    const isDue = sentAt.mono - this.#extendedAt > standing.lease_ms * EXTENSION_PART
    if (isHeartbeat || isDue) this.#extendAll(standing, sentAt)
  }

  #extendAll({ epoch, expires_in_ms, claims, ending }: SessionStanding, sentAt: Instant): void {
    const except = new Set([...claims, ...ending].map(({ owner }) => owner))
    this.#extendedAt = Math.max(this.#extendedAt, sentAt.mono)
    for (const [owner, place] of [...this.#places]) {
      if (place.epoch === epoch && !except.has(owner)) place.extend(sentAt, expires_in_ms)
    }
  }

  /** The longest that is certain of the session itself: none of its promises is ever shortened. */
  #prolong(term: Term): void {
    const { runtime } = this.#context
    if (this.#term === null || remaining(term, runtime) > remaining(this.#term, runtime)) this.#term = term
  }

  #ended({ owner, name, reason }: SessionEnded): void {
    const place = this.#places.get(owner)
    this.#claims.delete(owner)
    if (place) {
      this.#forget(place)
      place.finish(reason)
    }
    this.#acknowledge(owner, name)
  }

  /** Releases what the server lists and nobody wants, which also says that it has been heard of. */
  #acknowledge(owner: string, name: string): void {
    if (name !== '' && !this.#leaving.has(owner)) this.#context.background(this.#release(owner, name, false))
  }

  /**
   * Whether a reply is of the present epoch; epochs grow. A new one begins with asking what the store came back with.
   */
  #isPresent(epoch: number): boolean {
    if (epoch === this.#epoch) return true
    if (this.#epoch !== null && epoch < this.#epoch) return false
    const isFirst = this.#epoch === null
    this.#epoch = epoch
    if (!isFirst) this.#sync()
    return true
  }

  #sync(): void {
    this.#pipe.addFirst({
      command: { op: 'sync' },
      isWanted: false,
      sending: () => {},
      answered: (result, answer) => this.#synced(result as SyncReply, answer),
    })
  }

  /** Goes on with what is listed, lets go of what nobody wants, and queues anew what is missing. */
  #synced({ holds, waits }: SyncReply, { reply, sentAt }: PipeAnswer): void {
    // One that came back in between is asked again by its first reply.
    if (reply.epoch !== this.#epoch || !Array.isArray(holds) || !Array.isArray(waits)) return
    // Why something is over says more than that it is missing.
    for (const ended of reply.ended) this.#ended(ended)
    const claims = new Set(reply.claims.map(({ owner }) => owner))
    const held = new Set(holds.map(({ owner }) => owner))
    const waiting = new Set(waits.map(({ owner }) => owner))
    for (const { owner, name } of [...holds, ...waits]) if (!this.#places.has(owner)) this.#acknowledge(owner, name)
    for (const [owner, place] of [...this.#places]) {
      if (place.isWaiting) {
        if (!waiting.has(owner) && place.state === 'queued') place.askAgain()
      } else if (held.has(owner)) {
        place.listed(sentAt, reply.epoch, !claims.has(owner))
      } else if (place.epoch !== reply.epoch) {
        // What was granted under the new epoch may be younger than the list.
        this.#ended({ owner, name: place.name, reason: 'unknown' })
      }
    }
    this.#extendedAt = Number.NEGATIVE_INFINITY
  }

  #failed(error: LockableError): void {
    for (const place of [...this.#places.values()]) place.retried(error)
    // Nobody waits for what is left, and the end of the session says all of it at once.
    if (this.#places.size === 0 && !this.#pipe.isWanted) void this.#end('released', true)
  }

  #refused(error: unknown): void {
    for (const place of [...this.#places.values()]) place.refuse(error)
    if (!isLockableError(error)) void this.#end('unknown', false)
    // Without a token that is accepted no release gets through, but the end of the session does.
    else if (![...this.#places.values()].some(({ isWaiting }) => !isWaiting)) {
      void this.#end('released', this.#pipe.isOpen)
    }
  }

  /** The server does not know the session any more. */
  #gone(reason: EndReason): void {
    void this.#end(reason, false)
  }

  /**
   * The session is over. What it held is lost, and what waits queues anew in another one.
   *
   * @param tell whether the server may still know it.
   */
  #end(reason: EndReason, tell: boolean): Promise<unknown> {
    if (this.isOver) return Promise.resolve()
    // First of all, for a page that is about to go may get no further.
    const told = tell ? this.#tellEnd() : Promise.resolve()
    this.#context.background(told)
    this.#controller.abort()
    this.#options.over(this)
    this.#options.listening.remove(this)
    this.#context.listeners.delete(this.id)
    if (this.#isBeating) void this.#context.host().drop(this.id)
    for (const place of [...this.#places.values()]) {
      place.hasLeft = this.#hasLeft
      // A page that leaves tells its leases itself.
      if (this.#hasLeft && !place.isWaiting) continue
      place.finish(reason)
    }
    this.#places.clear()
    for (const settle of [...this.#leaving.values()]) settle(false)
    return told
  }

  async #tellEnd(): Promise<void> {
    const { runtime, connection, closing } = this.#context
    const options = { timeoutMs: END.timeoutMs, keepalive: true }
    // The signals of what was held abort first; but a page that is about to go gets no further than this task.
    if (!this.#hasLeft) await Promise.resolve()
    for (let attempt = 1; attempt <= END.attempts; attempt += 1) {
      try {
        const { authToken } = connection
        const by = this.#hasLeft ? ({ isLeaving: true } as const) : ({ isLeaving: false, authToken } as const)
        return await sendSessionRelease(runtime.send, this.secret, by, options)
      } catch {
        if (closing.aborted) return
        await pause(runtime, END.delayMs * 2 ** attempt, closing, true).catch(() => {})
      }
    }
  }

  #forget(place: Place): void {
    this.#places.delete(place.owner)
    this.#claims.delete(place.owner)
    this.#keepBeating()
  }

  /** Beats as long as it holds anything or waits for it. */
  #keepBeating(): void {
    const isWanted = this.#pipe.isOpen && this.#places.size > 0 && !this.isOver
    if (isWanted === this.#isBeating || this.#term === null) return
    this.#isBeating = isWanted
    const host = this.#context.host()
    if (!isWanted) return void host.drop(this.id)
    host.setAuthToken(this.#context.connection.authToken)
    host.hold({
      kind: 'session',
      id: this.id,
      session: this.secret,
      term: this.#term,
      confirm: false,
      intervalMs: this.#context.options.heartbeatInterval ?? null,
      stallTimeoutMs: this.#options.stallTimeoutMs,
    })
  }

  /**
   * The beat loop has given the session up. If commands have renewed it since, the loop begins anew; otherwise its
   * deadline has passed, and another session takes its place.
   */
  #lapsed(): void {
    if (this.#isPastDeadline) return void this.#end('expired', true)
    void this.#context.host().drop(this.id)
    this.#isBeating = false
    this.#keepBeating()
  }

  /** Whether, by this client's own clocks, the server need not know the session any more. */
  get #isPastDeadline(): boolean {
    return this.#term === null || remaining(this.#term, this.#context.runtime) === 0
  }

  /**
   * Confirms claims past the pipe when that takes too long: a claim lives no longer than a few seconds, and what the
   * pipe waits for may be lost.
   */
  #confirmPast(): void {
    const { runtime } = this.#context
    if (this.#isConfirming) return
    this.#isConfirming = true
    runtime.setTimer(() => {
      this.#isConfirming = false
      if (this.isOver || this.#claims.size === 0) return
      if (this.#isPastDeadline) return void this.#end('expired', true)
      this.#confirmPast()
      this.#context.background(this.#sendConfirmation())
    }, HELD_UP_MS)
  }

  async #sendConfirmation(): Promise<void> {
    const { runtime, connection } = this.#context
    const confirm = [...this.#claims]
    const sentAt = instant(runtime)
    const request = { session: this.secret, confirm }
    const options = { timeoutMs: CONFIRM_TIMEOUT_MS, signal: this.#controller.signal }
    const answer = await sendSessionHeartbeat(runtime.send, request, connection.authToken, options)
    if (this.isOver) return
    if (!answer.renewed) return this.#gone(answer.reason === 'no' ? 'unknown' : answer.reason)
    if (answer.standing === null) return
    this.#confirmed(answer.standing, sentAt, confirm)
    this.#stand(answer.standing, sentAt, { isHeartbeat: true })
  }

  #tellAll(report: HeartbeatReport): void {
    for (const place of [...this.#places.values()]) place.hear(report)
  }

  /** Releases an owner through the pipe, or past it where that is held up. */
  #release(owner: string, name: string, isWanted: boolean): Promise<boolean> {
    const { runtime } = this.#context
    return new Promise<boolean>((resolve, reject) => {
      let failures = 0
      const settle = (acknowledged: boolean) => {
        cancel()
        this.#pipe.remove(entry)
        this.#leaving.delete(owner)
        resolve(acknowledged)
      }
      const giveUp = (error: unknown) => {
        entry.isWanted = false
        reject(error)
      }
      const entry: Entry = {
        command: { op: 'release', name, owner },
        isWanted,
        sending: () => {},
        answered: (result) => settle((result as ReleaseResult).response === true),
        failed: (error) => {
          failures += 1
          if (failures >= RELEASE_ATTEMPTS) giveUp(error)
        },
        refused: giveUp,
      }
      const overtake = () => {
        // Before that it may be a classic server that takes a POST for a GET, and would free whoever holds the lock.
        if (this.#context.connection.dialect !== 'owned') return
        void this.#releasePast(owner, name).then(settle, (error) => {
          if (isLockableError(error) && error.code === 'authentication') giveUp(error)
        })
      }
      const cancel = runtime.setTimer(overtake, HELD_UP_MS, true)
      this.#leaving.set(owner, settle)
      this.#pipe.add(entry)
    })
  }

  #releasePast(owner: string, name: string): Promise<boolean> {
    const { runtime, connection } = this.#context
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, keepalive: true }
    return connection.withTokenAtHand((authToken) => sendRelease(runtime.send, { name, owner }, authToken, options))
  }
}
