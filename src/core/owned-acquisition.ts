import { operationPath } from '../protocol/paths.ts'
import type { AcquireRequest, GrantedReply, HolderView, RefusedReply } from '../protocol/wire.ts'
import type { Acquisition, Grant } from './acquisition.ts'
import { pause } from './async.ts'
import { duration, isAnswer, isOwned, type ReadReply, readReply, sendHeartbeat, sendRelease } from './calls.ts'
import { type Instant, instant } from './clock.ts'
import { REQUEST_TIMEOUT_MS } from './connection.ts'
import { CouldNotAcquireLockError, describeError, isLockableError } from './errors.ts'
import { FRUITLESS, noGrantComes, Patience } from './patience.ts'
import type { WireRequest } from './ports.ts'
import { remaining, type Term, termOf } from './term.ts'

/** How long a request is parked at most, in ms: below the 30 s after which common proxies cut an idle one. */
const LONGEST_PARK_MS = 20_000
/** A place in the queue for who must not park: asked for and answered at once. */
const SHORTEST_PARK_MS = 1
const SHORTEST_ATTEMPT_MS = 1_000
/** What a server may ask to wait, at least and at most, in ms. */
const DELAYS_MS = { least: 50, most: 60_000 }
/** ms after which giving up is no longer repeated: a place in the queue is not kept for longer. */
const GIVE_BACK_PATIENCE_MS = 5_000
const GIVE_BACK_DELAY_MS = 200

/** Acquires from an owned server that knows no sessions: asks, waits its turn, and confirms where nothing else is certain. */
export async function acquireOwned(acquisition: Acquisition): Promise<Grant> {
  for (let fruitless = 0; fruitless < FRUITLESS.limit; ) {
    const turn = new Turn(acquisition)
    try {
      const grant = await turn.grant()
      if (grant !== null) return grant
    } catch (error) {
      turn.giveUp()
      throw error
    }
    // Who waited and lost its place queues anew at once; who never had one does not, or the two would spin.
    fruitless = turn.waited ? 0 : fruitless + 1
    if (fruitless > 0) await pause(acquisition.runtime, FRUITLESS.delayMs * 2 ** fruitless, acquisition.givenUp)
  }
  throw noGrantComes(acquisition.name)
}

interface Poll {
  readonly request: WireRequest
  readonly read: ReadReply
  /** Before the request that was answered went out. */
  readonly sentAt: Instant
  readonly mayPark: boolean
  readonly parked: boolean
}

/** The life of one owner, from its first request until it is granted, or worth nothing any more. */
class Turn {
  readonly #acquisition: Acquisition
  readonly #owner: string
  readonly #patience: Patience
  #attempts = 0
  /** Whether the server has, or may have, something for this owner. */
  #known = false
  /** Whether this owner ever had a place in the queue. */
  waited = false

  constructor(acquisition: Acquisition) {
    this.#acquisition = acquisition
    this.#owner = acquisition.runtime.newSecret()
    this.#patience = new Patience(acquisition.runtime)
  }

  /** Resolves to `null` when this owner is worth nothing any more and another one must queue anew. */
  async grant(): Promise<Grant | null> {
    const { runtime, givenUp, lock, name, emit } = this.#acquisition
    for (;;) {
      let delay: number
      try {
        const outcome = await this.#answer(await runtime.whileParking((mayPark) => this.#poll(mayPark)))
        givenUp.throwIfAborted()
        if (typeof outcome !== 'number') return outcome
        delay = outcome
      } catch (error) {
        givenUp.throwIfAborted()
        delay = this.#patience.delayAfter(error)
        this.#known = true
        emit({ type: 'acquire.retried', lock, name, error: describeError(error) })
      }
      await pause(runtime, delay, givenUp)
    }
  }

  /** Cancels whatever the server has for this owner, and leaves a tombstone for what is still on its way. */
  giveUp(): void {
    const { background } = this.#acquisition
    if (this.#known) background(giveBack(this.#acquisition, this.#owner))
  }

  async #poll(mayPark: boolean): Promise<Poll> {
    const { connection, runtime, lock, name, leaseMs, emit, givenUp, blocking } = this.#acquisition
    // The first request is answered at once, so that it is heard who holds.
    const parked = mayPark && blocking && this.#attempts > 0
    const waitMs = parked ? LONGEST_PARK_MS : blocking ? SHORTEST_PARK_MS : 0
    const path = operationPath('acquire', name)
    const body = acquireBody(this.#acquisition, this.#owner, waitMs)
    const knownBefore = this.#known
    let sentAt = instant(runtime)
    const send = () =>
      connection.withToken((authToken) => {
        this.#attempts += 1
        this.#known = true
        emit({ type: 'acquire.sent', lock, name, attempt: this.#attempts })
        // Asking for the token may have taken a while, and only the request that is answered counts.
        sentAt = instant(runtime)
        const options = { timeoutMs: waitMs + attemptTimeout(leaseMs), signal: givenUp }
        return runtime.send({ method: 'POST', path, body, authToken }, options)
      }, givenUp)
    const read = readReply(await send())
    // A request that was answered, and not with "outcome unknown", leaves behind what the answer says.
    if (read.status < 500) this.#known = knownBefore
    return { request: { method: 'POST', path, authToken: connection.authToken }, read, sentAt, mayPark, parked }
  }

  /** Reads one answer: a grant, the ms until the next poll, or `null` if this owner is worth nothing any more. */
  #answer(poll: Poll): Promise<Grant | null> | number | null {
    const { request, read } = poll
    if (read.problem === 'owner-spent') {
      // The reply to an earlier attempt may have been lost: one release, in case this owner does hold something.
      this.#known = true
      this.giveUp()
      return null
    }
    if (!isAnswer(read) || !isOwned(read)) throw this.#acquisition.connection.error(request, read)
    this.#patience.answered()
    this.#acquisition.connection.learn('owned')
    const reply = read.json as GrantedReply | RefusedReply
    if (!reply.response) return this.#refused(reply, poll)
    this.#known = true
    return this.#granted(poll)
  }

  async #granted({ request, read, sentAt }: Poll): Promise<Grant | null> {
    const reply = read.json as GrantedReply
    const waitedMs = reply.waited_ms === undefined ? 0 : duration(request, read, 'waited_ms')
    const leaseMs = duration(request, read, 'lease_ms')
    const term = termOf(sentAt, duration(request, read, 'expires_in_ms'), waitedMs)
    const fencingToken = duration(request, read, 'fencing_token')
    const grant = {
      owner: this.#owner,
      term,
      fencingToken,
      leaseMs,
      waitedMs,
      confirm: reply.confirm === true,
      place: null,
    }
    if (remaining(term, this.#acquisition.runtime) > 0) return grant
    const confirmed = await this.#confirm(leaseMs)
    if (confirmed !== null) return { ...grant, term: confirmed, confirm: false }
    this.giveUp()
    return null
  }

  /** Nothing was certain any more when the grant was heard of: it is held from a heartbeat's reply, or not at all. */
  async #confirm(leaseMs: number): Promise<Term | null> {
    const { runtime, connection, name, givenUp } = this.#acquisition
    const sentAt = instant(runtime)
    const held = { name, owner: this.#owner, leaseMs }
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, signal: givenUp }
    const answer = await connection.withTokenAtHand((authToken) =>
      sendHeartbeat(runtime.send, held, authToken, options),
    )
    if (!answer.renewed) return null
    const term = termOf(sentAt, answer.expiresInMs)
    return remaining(term, runtime) > 0 ? term : null
  }

  #refused(reply: RefusedReply, { request, read, sentAt, mayPark, parked }: Poll): number | null {
    const { runtime, lock, name, blocking, emit, retryIntervalMs } = this.#acquisition
    const holders: readonly HolderView[] = reply.holders ?? []
    if (!blocking) throw new CouldNotAcquireLockError(refusalSentence(name, reply), holders)
    if (reply.reason === 'timeout') return null
    const ticketMs = reply.ticket_ms === undefined ? null : duration(request, read, 'ticket_ms')
    const askedMs = reply.retry_after_ms === undefined ? 0 : duration(request, read, 'retry_after_ms')
    if (ticketMs !== null) this.#known = this.waited = true
    emit({ type: 'acquire.waiting', lock, name, position: reply.position ?? null, holders })
    const jitter = 0.75 + 0.5 * runtime.random()
    if (ticketMs === null) return clamp(Math.max(askedMs, retryIntervalMs * jitter))
    // A poll is due at least every third of a ticket, round trip included, or the place is lost.
    const pollMs = clamp((ticketMs / 5) * jitter)
    const answeredAtOnce = parked && runtime.now() - sentAt.mono < pollMs
    return mayPark && !answeredAtOnce ? 0 : pollMs
  }
}

/** ms that an attempt may take beyond its parking: little enough that a lost reply can be asked for within the lease. */
function attemptTimeout(leaseMs: number | null): number {
  return leaseMs === null
    ? REQUEST_TIMEOUT_MS
    : Math.min(REQUEST_TIMEOUT_MS, Math.max(SHORTEST_ATTEMPT_MS, leaseMs / 3))
}

function clamp(ms: number): number {
  return Math.min(DELAYS_MS.most, Math.max(DELAYS_MS.least, ms))
}

function acquireBody({ leaseMs, mode, steal, info }: Acquisition, owner: string, waitMs: number): AcquireRequest {
  return {
    owner,
    ...(leaseMs === null ? {} : { lease_ms: leaseMs }),
    ...(waitMs > 0 ? { wait_ms: waitMs } : {}),
    ...(mode === 'shared' ? { mode } : {}),
    ...(steal === null ? {} : { steal }),
    ...(info === undefined ? {} : { info }),
  }
}

/**
 * Releases an owner that nobody wants any more. Harmless at any time, so it is repeated until it is answered; but
 * neither the end of the process nor `close()` waits for a server that does not answer.
 */
export async function giveBack({ runtime, connection, name, closing }: Acquisition, owner: string): Promise<void> {
  const begun = runtime.now()
  for (let attempt = 1; ; attempt += 1) {
    try {
      const options = { timeoutMs: GIVE_BACK_PATIENCE_MS, keepalive: true }
      await connection.withTokenAtHand((authToken) => sendRelease(runtime.send, { name, owner }, authToken, options))
      return
    } catch (error) {
      const transient = isLockableError(error) && (error.code === 'network' || error.code === 'server')
      if (!transient || runtime.now() - begun >= GIVE_BACK_PATIENCE_MS) return
      await pause(runtime, GIVE_BACK_DELAY_MS * 2 ** attempt, closing, true)
    }
  }
}

/** Why a lock that is not waited for was not acquired. */
export function refusalSentence(name: string, { reason, holders, retry_after_ms }: RefusedReply): string {
  const quoted = JSON.stringify(name)
  if (reason === 'grace') {
    return `Nobody is granted ${quoted} yet: the server restarted and waits ${retry_after_ms ?? '?'} ms for the leases it forgot.`
  }
  if (reason === 'shutdown') return `The server is shutting down, so ${quoted} was not acquired.`
  const who = holders?.find(({ info }) => info !== null)?.info
  return `${quoted} is held${who === undefined ? '' : ` by ${JSON.stringify(who)}`}. Leave blocking out to wait for it.`
}
