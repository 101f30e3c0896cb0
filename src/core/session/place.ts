import type {
  AcquireCommand,
  CommandProblem,
  CommandResult,
  SessionClaim,
  SessionEnding,
} from '../../protocol/session.ts'
import type { AcquireReply, EndReason, GrantedReply, RefusedReply } from '../../protocol/wire.ts'
import type { Acquisition, Grant } from '../acquisition.ts'
import type { ReadReply } from '../calls.ts'
import { elapsed, type Instant, instant } from '../clock.ts'
import { CouldNotAcquireLockError, describeError, type LockableError } from '../errors.ts'
import type { HeartbeatReport } from '../heartbeat-host.ts'
import type { Keeper, Kept } from '../keeper.ts'
import { refusalSentence } from '../owned-acquisition.ts'
import { Patience } from '../patience.ts'
import type { CancelTimer } from '../ports.ts'
import { remaining, type Term, termOf } from '../term.ts'
import type { Entry, PipeAnswer } from './pipe.ts'

/** A claim with less left than so many ms is confirmed before anybody believes in it. */
const SHORT_CLAIM_MS = 500
/** The part of a lease of which too little is left to begin with. */
const SHORT_PART = 1 / 8
/** ms after which is asked again by an acquire that was neither granted nor queued. */
const ASK_AGAIN_MS = { least: 50, most: 60_000 }

/** What a place needs of its session. */
export interface PlaceSession {
  /** What a renewal restores, in ms, as far as the server has told. */
  readonly leaseMs: number
  /** How long the session itself is certain to live; `null` before its first reply. */
  readonly term: Term | null
  /** Sends the acquire of this place, as part of the pipe. */
  ask(entry: Entry): void
  unask(entry: Entry): void
  /** The claim of this place is to be confirmed by name. */
  confirm(place: Place): void
  /** The place has begun or ceased to wait. */
  waitingChanged(place: Place): void
  /** The place is over. */
  leave(place: Place, options: LeaveOptions): Promise<boolean>
  /** Ends the whole session, at once. */
  leavePage(): Promise<unknown>
  /** What is wrong with a command. */
  problem(read: ReadReply): LockableError
}

export interface LeaveOptions {
  /** The server may know of it. */
  readonly tell: boolean
  /** Somebody waits for it to be told. */
  readonly isWanted: boolean
}

/**
 * `asked`: no answer yet. `queued`: it waits its turn. `doubted`: granted, but too little is certain of the claim.
 * `claimed`: granted out of the queue, and to be confirmed. `held`: for as long as the session lives. `over`: finished.
 */
type PlaceState = 'asked' | 'queued' | 'doubted' | 'claimed' | 'held' | 'over'

/** The life of one owner in a session: from its first request until it holds, and until it is over. */
export class Place implements Keeper {
  readonly owner: string
  readonly name: string
  readonly #session: PlaceSession
  readonly #acquisition: Acquisition
  readonly #patience: Patience
  readonly #entry: Entry
  /** `null` when this owner is worth nothing any more and another one must queue anew. */
  readonly granted: Promise<Grant | null>
  #resolve: (grant: Grant | null) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #state: PlaceState = 'asked'
  #attempts = 0
  #firstSentAt: Instant | null = null
  #epoch: number | null = null
  #term: Term | null = null
  #claim: Pick<Grant, 'fencingToken' | 'waitedMs'> | null = null
  #kept: Kept | null = null
  /** What is heard between the grant and the lease. */
  #unheard: HeartbeatReport[] = []
  #isPaused = false
  /** The last answer was a problem that may pass. */
  #isTroubled = false
  #leaseMs: number | null = null
  /** When the request went out whose reply said that it is held; `null` before. */
  #heldFrom: Instant | null = null
  /** Whether the server has, or may have, something for this owner. */
  #known = false
  /** Whether it ever had a place in the queue. */
  waited = false
  /** Whether it is over because its page has left. */
  hasLeft = false
  #cancelAskAgain: CancelTimer = () => {}

  constructor(session: PlaceSession, acquisition: Acquisition) {
    this.owner = acquisition.runtime.newSecret()
    this.name = acquisition.name
    this.#session = session
    this.#acquisition = acquisition
    this.#patience = new Patience(acquisition.runtime)
    this.#entry = this.#makeEntry()
    this.granted = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // It may be refused in the very task that began it, before anybody listens.
    this.granted.catch(() => {})
    session.ask(this.#entry)
  }

  get state(): PlaceState {
    return this.#state
  }

  /** Whether it asked for the lock and has not got it. */
  get isWaiting(): boolean {
    return this.#state === 'asked' || this.#state === 'queued' || this.#state === 'doubted'
  }

  /** The epoch under which it was granted, confirmed or listed; no reply of another one extends it. */
  get epoch(): number | null {
    return this.#epoch
  }

  /** Asks how it stands, which costs nothing but a command: the same owner keeps its place. */
  askAgain(): void {
    this.#cancelAskAgain()
    if (this.isWaiting) this.#session.ask(this.#entry)
  }

  /** Nobody wants the lock any more. */
  giveUp(): void {
    if (this.#state === 'over') return
    this.#over()
    this.#acquisition.background(this.#session.leave(this, { tell: this.#known, isWanted: false }))
  }

  /** This owner comes to nothing: another one queues anew, or the lease is lost. */
  finish(reason: EndReason): void {
    if (this.#state === 'over') return
    const { isWaiting } = this
    // What the own clocks say goes before what the server says.
    this.#kept?.look()
    this.#over()
    if (isWaiting) this.#resolve(null)
    else this.#hear({ type: 'refused', id: '', reason })
  }

  /** It will not be granted. */
  refuse(error: unknown): void {
    if (!this.isWaiting) return
    this.#unask()
    this.#reject(error)
  }

  /** No answer came; throws nothing, but rejects the acquire when its patience is over. */
  retried(error: LockableError): void {
    if (!this.isWaiting) return
    const { lock, name, emit } = this.#acquisition
    try {
      this.#patience.delayAfter(error)
    } catch (reason) {
      return this.refuse(reason)
    }
    emit({ type: 'acquire.retried', lock, name, error: describeError(error) })
  }

  /** The server answers, and not with a problem of this very command. */
  answered(): void {
    if (!this.#isTroubled) this.#patience.answered()
  }

  /** Granted out of the queue, as a reply to a request that went out at `sentAt` tells, or an event. */
  claimed(claim: SessionClaim, term: Term, epoch: number): void {
    if (this.#state !== 'asked' && this.#state !== 'queued') return
    const { runtime } = this.#acquisition
    this.#known = true
    this.#epoch = epoch
    this.waited = true
    this.#claim = { fencingToken: claim.fencing_token, waitedMs: this.#waited() }
    this.#unask()
    // A claim does not outlive its session, by either side's count: an event may come when nothing else has for long.
    const { term: session } = this.#session
    const isSessionSooner = session !== null && remaining(session, runtime) < remaining(term, runtime)
    const certain = isSessionSooner ? session : term
    const isCertain = remaining(certain, runtime) >= SHORT_CLAIM_MS
    this.#state = isCertain ? 'claimed' : 'doubted'
    this.#session.confirm(this)
    this.#session.waitingChanged(this)
    if (isCertain) this.#grant(certain, true)
  }

  /** As {@link claimed}, by an event: it counts from this owner's first request. */
  claimedByEvent(claim: SessionClaim, epoch: number): void {
    if (this.#firstSentAt === null) return
    this.claimed(claim, termOf(this.#firstSentAt, claim.expires_in_ms, claim.waited_ms), epoch)
  }

  /** The claim is confirmed by the reply to a request that went out at `sentAt`. */
  confirmed(sentAt: Instant, expiresInMs: number, epoch: number): void {
    if (this.#state !== 'claimed' && this.#state !== 'doubted') return
    const isFirst = this.#state === 'doubted'
    const term = termOf(sentAt, expiresInMs)
    this.#epoch = epoch
    if (isFirst && remaining(term, this.#acquisition.runtime) === 0) return this.#giveUpDoubted()
    this.#state = 'held'
    this.#heldFrom = sentAt
    if (isFirst) this.#grant(term, false)
    else this.extend(sentAt, expiresInMs)
  }

  /** It is held for so long, by the reply to a request that went out at `sentAt`. */
  extend(sentAt: Instant, expiresInMs: number): void {
    const { runtime } = this.#acquisition
    const term = termOf(sentAt, expiresInMs)
    if (this.#state !== 'held' || this.#isPaused) return
    // What was asked before it was held says nothing of it, and a worker may tell that late.
    if (this.#heldFrom !== null && sentAt.mono < this.#heldFrom.mono) return
    // Also the reply that granted it says nothing new.
    if (this.#term !== null && remaining(term, runtime) <= remaining(this.#term, runtime)) return
    this.#term = term
    const rttMs = runtime.now() - sentAt.mono
    this.#hear({ type: 'renewed', id: '', sentAt, expiresInMs, rttMs, ending: null, successor: null, standing: null })
  }

  /** Its end is fixed: so much is left, by the reply to a request that went out at `sentAt`. */
  ending({ expires_in_ms: expiresInMs, reason, successor }: SessionEnding, sentAt: Instant): void {
    if (this.#state !== 'held' && this.#state !== 'claimed') return
    this.#term = termOf(sentAt, expiresInMs)
    const rttMs = this.#acquisition.runtime.now() - sentAt.mono
    const told = { ending: reason, successor: successor?.info ?? null, standing: null }
    this.#hear({ type: 'renewed', id: '', sentAt, expiresInMs, rttMs, ...told })
  }

  /**
   * The server goes on with it under another epoch, by the reply to a request that went out at `sentAt`. `isHeld`: as a
   * holder, also if it was a claim before.
   */
  listed(sentAt: Instant, epoch: number, isHeld: boolean): void {
    this.#epoch = epoch
    if (!isHeld || this.#state !== 'claimed') return
    this.#state = 'held'
    this.#heldFrom = sentAt
  }

  /** What is told of the heartbeats of the whole session. */
  hear(report: HeartbeatReport): void {
    if (!this.isWaiting && this.#state !== 'over' && !this.#isPaused) this.#hear(report)
  }

  begin(kept: Kept): void {
    this.#kept = kept
    for (const report of this.#unheard.splice(0)) kept.hear({ ...report, id: kept.id })
  }

  async end(): Promise<void> {
    this.#over()
  }

  pause(paused: boolean): void {
    this.#isPaused = paused
  }

  release(): Promise<boolean> {
    return this.#session.leave(this, { tell: true, isWanted: true })
  }

  handBack(): Promise<unknown> {
    return this.#session.leave(this, { tell: true, isWanted: false })
  }

  leave(): Promise<unknown> {
    return this.#session.leavePage()
  }

  /** Nothing is certain even after the confirmation: it is handed back, and another owner queues anew. */
  #giveUpDoubted(): void {
    this.giveUp()
    this.#resolve(null)
  }

  #over(): void {
    this.#state = 'over'
    this.#unask()
    this.#session.waitingChanged(this)
  }

  #unask(): void {
    this.#cancelAskAgain()
    this.#session.unask(this.#entry)
  }

  #grant(term: Term, confirm: boolean): void {
    const { fencingToken, waitedMs } = this.#claim ?? { fencingToken: null, waitedMs: 0 }
    this.#term = term
    const leaseMs = this.#leaseMs ?? this.#session.leaseMs
    this.#resolve({ owner: this.owner, term, fencingToken, leaseMs, waitedMs, confirm, place: this })
  }

  #hear(report: HeartbeatReport): void {
    if (this.#kept === null) this.#unheard.push(report)
    else this.#kept.hear({ ...report, id: this.#kept.id })
  }

  #makeEntry(): Entry {
    return {
      command: this.#command(),
      isWanted: true,
      sending: (sentAt) => this.#sending(sentAt),
      answered: (result, answer) => this.#answered(result, answer),
    }
  }

  #command(): AcquireCommand {
    const { name, mode, steal, blocking, info } = this.#acquisition
    return {
      op: 'acquire',
      name,
      owner: this.owner,
      ...(mode === 'shared' ? { mode } : {}),
      ...(steal === null ? {} : { steal }),
      ...(blocking ? {} : { if_available: true }),
      ...(info === undefined ? {} : { info }),
    }
  }

  #sending(sentAt: Instant): void {
    const { lock, name, emit } = this.#acquisition
    this.#firstSentAt ??= sentAt
    this.#known = true
    this.#attempts += 1
    emit({ type: 'acquire.sent', lock, name, attempt: this.#attempts })
  }

  #answered(result: CommandResult, { reply, sentAt }: PipeAnswer): void {
    // What is granted meanwhile is not taken back by an answer that was made before.
    if (!this.isWaiting || this.#state === 'doubted') return
    this.#leaseMs = reply.lease_ms
    // What was answered leaves behind what the answer says.
    this.#known = this.waited
    this.#isTroubled = 'problem' in result
    if ('problem' in result) return this.#problem(result)
    const answer = result as AcquireReply
    if (answer.response === false) return this.#refused(answer)
    if (answer.response !== true || !isGrant(answer)) return this.refuse(this.#session.problem(asReply(result)))
    this.#known = true
    if (answer.confirm)
      return this.claimed(claimOf(answer, this.name), termOf(sentAt, answer.expires_in_ms), reply.epoch)
    this.#grantedNow(answer, sentAt, reply.epoch)
  }

  #grantedNow(answer: GrantedReply, sentAt: Instant, epoch: number): void {
    const term = termOf(sentAt, answer.expires_in_ms)
    this.#epoch = epoch
    this.#claim = { fencingToken: answer.fencing_token, waitedMs: this.#waited() }
    this.#unask()
    // Too little is left to begin with. It is confirmed as a claim would be, which renews the session.
    const isCertain =
      remaining(term, this.#acquisition.runtime) > Math.min(SHORT_CLAIM_MS, answer.lease_ms * SHORT_PART)
    this.#state = isCertain ? 'held' : 'doubted'
    this.#heldFrom = sentAt
    if (!isCertain) this.#session.confirm(this)
    this.#session.waitingChanged(this)
    if (isCertain) this.#grant(term, false)
  }

  #refused(reply: RefusedReply): void {
    const { runtime, lock, name, blocking, emit, retryIntervalMs } = this.#acquisition
    const holders = reply.holders ?? []
    if (!blocking) return this.refuse(new CouldNotAcquireLockError(refusalSentence(name, reply), holders))
    emit({ type: 'acquire.waiting', lock, name, position: reply.position ?? null, holders })
    if (reply.position !== undefined) {
      this.waited = true
      this.#known = true
      this.#state = 'queued'
      return this.#session.waitingChanged(this)
    }
    this.#askLater(Math.max(reply.retry_after_ms ?? 0, retryIntervalMs * (0.75 + 0.5 * runtime.random())))
  }

  #problem({ problem }: CommandProblem): void {
    const read = asReply(problem, problem.status)
    if (problem.type.endsWith(':owner-spent') || problem.type.endsWith(':owner-conflict')) {
      // The reply to an earlier attempt may have been lost: one release, in case this owner does hold something.
      this.#acquisition.background(this.#session.leave(this, { tell: true, isWanted: false }))
      return this.finish('unknown')
    }
    const error = this.#session.problem(read)
    try {
      this.#askLater(this.#patience.delayAfter(error))
      const { lock, name, emit } = this.#acquisition
      emit({ type: 'acquire.retried', lock, name, error: describeError(error) })
    } catch (reason) {
      this.refuse(reason)
    }
  }

  #askLater(ms: number): void {
    const delay = Math.min(ASK_AGAIN_MS.most, Math.max(ASK_AGAIN_MS.least, ms))
    this.#cancelAskAgain()
    this.#cancelAskAgain = this.#acquisition.runtime.setTimer(() => this.askAgain(), delay)
  }

  /** ms since this owner was first asked for, if it had to wait. */
  #waited(): number {
    if (!this.waited || this.#firstSentAt === null) return 0
    return elapsed(this.#firstSentAt, instant(this.#acquisition.runtime))
  }
}

/** Whether it has the numbers that a belief is made of. */
function isGrant({ fencing_token, expires_in_ms, waited_ms }: GrantedReply): boolean {
  return [fencing_token, expires_in_ms, waited_ms].every((number) => Number.isFinite(number) && number >= 0)
}

function claimOf(answer: GrantedReply, name: string): SessionClaim {
  const { owner, fencing_token, expires_in_ms, waited_ms } = answer
  return { owner, name, fencing_token, expires_in_ms, waited_ms }
}

/** A result as if it were a reply of its own. */
function asReply(json: object, status = 200): ReadReply {
  const { type } = json as { type?: unknown }
  const problem = typeof type === 'string' ? type.slice(type.lastIndexOf(':') + 1) : null
  const body = JSON.stringify(json)
  return { status, json, problem, reply: { status, contentType: 'application/json', body, retryAfterMs: null } }
}
