import type { EndReason, LockMode, Steal } from '../../src/protocol/wire.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import type { Granted, OwnerRef, Renewed } from '../../src/server/store.ts'
import type { BroughtHold } from './brought-back.ts'
import type { Machine } from './machine.ts'
import type { ServerHistory } from './server-history.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'
import {
  CLAIM_MS,
  endOf,
  isRival,
  lifeOf,
  promisedEndOf,
  SLACK_MS,
  sessionEnd,
  TICKET_MS,
  type WatchedHolder,
  type WatchedLock,
  type WatchedSession,
  type WatchedWaiter,
} from './watched-lock.ts'

/** A free lock with somebody waiting is granted within so many ms of a server that runs. */
const WAKE_MS = 1_000

/** What an acquire asked for. */
export interface Asked {
  readonly mode: LockMode
  readonly steal: Steal | null
}

export interface WatchedGrant {
  readonly ref: OwnerRef
  readonly granted: Pick<Granted, 'fencingToken' | 'leaseMs' | 'expiresInMs' | 'claim'>
  /** `null` if it was not an acquire that brought it. */
  readonly asked: Asked | null
  readonly sender: string | null
  /** In which session, by then: it may be opened in the same step. */
  readonly session: () => WatchedSession | null
  /** The owner had been released before. */
  readonly isZombie: boolean
}

interface Ghost extends OwnerRef {
  readonly holder: WatchedHolder
}

export interface WatchedEvents {
  readonly granted: (name: string, owner: string | null, holder: WatchedHolder) => void
  readonly over: (name: string, owner: string | null) => void
}

export interface LockWatchOptions {
  readonly machine: Machine
  readonly clock: ServerClock
  readonly graceMs: number
  readonly verdict: Verdict
  readonly trace: Trace
  readonly history: ServerHistory
  readonly trueNow: () => number
  /** How much later than promised the store ends what it has granted, in ms. */
  readonly lateMs: number
  /** Told of all that begins to be held, and of who is over by its own will or by that of a thief. */
  readonly seen: WatchedEvents
  /** What was known of the process before; `null`: nothing that matters. */
  readonly before: LockWatch | null
}

/** What is known of the locks of a store, from what it says; and what is wrong with what it says. */
export class LockWatch {
  readonly #options: LockWatchOptions
  readonly #locks = new Map<string, WatchedLock>()
  readonly #released = new Set<string>()
  readonly #graceUntil: number
  /** Who is released somewhere in the step that is looked at: nobody need wait for it. */
  readonly #leaving = new Set<string>()
  /** What the process before had promised, and this one knows nothing of. */
  #ghosts: Ghost[]
  #grants: WatchedGrant[] = []
  /** What was asked for in the step that is looked at. */
  readonly #asked = new Map<string, Asked>()
  /** Who lost a lock in this step to somebody that will be heard of at its end. */
  #stolen: OwnerRef[] = []

  constructor(options: LockWatchOptions) {
    this.#options = options
    this.#graceUntil = options.clock.now() + options.graceMs
    this.#ghosts = options.before?.survivors() ?? []
  }

  get now(): number {
    return this.#options.clock.now()
  }

  /** Rounding, and how much later than promised something may end. */
  get slackMs(): number {
    return SLACK_MS + this.#options.lateMs
  }

  lock(name: string): WatchedLock {
    const known = this.#locks.get(name)
    if (known) return known
    const lock: WatchedLock = { holders: new Map(), waiters: new Map(), freeSince: this.now }
    this.#locks.set(name, lock)
    return lock
  }

  get names(): string[] {
    return [...this.#locks.keys()]
  }

  /** Whose promised time is not over. */
  survivors(): Ghost[] {
    const holders = [...this.#locks].flatMap(([name, lock]) =>
      [...lock.holders].map(([owner, holder]) => ({ namespace: '', name, owner, holder })),
    )
    return [...this.#ghosts, ...holders].filter(({ holder }) => promisedEndOf(holder) > this.now)
  }

  /** The store came back with it. */
  adopt({ name, owner, fencingToken: token, mode, leaseMs }: BroughtHold, session: WatchedSession | null): void {
    const promisedUntil = this.now + leaseMs
    this.#hold(name, owner, {
      ...{ token, mode, sender: null, session, grantedAt: this.now, isClaim: false, isEnding: false },
      ...{ until: promisedUntil + this.slackMs, promisedUntil },
    })
  }

  /** Whoever holds something as `owner`, of whatever name. */
  find(owner: string): WatchedHolder | null {
    for (const { holders } of this.#locks.values()) {
      const holder = holders.get(owner)
      if (holder !== undefined) return holder
    }
    return null
  }

  /** One step can grant to several, and what is heard of first need not have been granted first: {@link takeGrants}. */
  heardOfGrant(grant: Omit<WatchedGrant, 'isZombie'>): void {
    this.#grants.push({ ...grant, isZombie: this.#released.has(key(grant.ref)) })
  }

  /** The owner asks in this very step, and may be queued and granted in it. */
  asks(ref: OwnerRef, asked: Asked): void {
    this.#asked.set(key(ref), asked)
  }

  /** The owner is released in this very step, in which others may be granted what it had. */
  leaves(ref: OwnerRef): void {
    this.#leaving.add(key(ref))
    this.#options.seen.over(ref.name, ref.owner)
  }

  /** Now it has left. */
  left(ref: OwnerRef): void {
    this.#leaving.delete(key(ref))
    this.gone(ref)
    this.released(ref)
  }

  takeGrants(): void {
    const grants = this.#grants.sort((one, other) => one.granted.fencingToken - other.granted.fencingToken)
    this.#grants = []
    for (const grant of grants) this.#granted(grant)
    this.#asked.clear()
    // Who was robbed is not there any more, and has no promise that could be broken.
    for (const ref of this.#stolen.splice(0)) {
      this.#options.seen.over(ref.name, ref.owner)
      this.ended(ref, 'stolen')
    }
  }

  /** The store says that the owner lost the lock to a steal. */
  stolen(ref: OwnerRef): void {
    this.#stolen.push(ref)
  }

  /**
   * @param waitMs how long its request is attached.
   * @param isNew whether it lost the place that it may have had.
   */
  queued(ref: OwnerRef, { mode, steal }: Asked, waitMs: number, session: WatchedSession | null, isNew: boolean): void {
    const { waiters, holders } = this.lock(ref.name)
    const owner = ref.owner ?? ''
    // Who was granted the lock later in the same step.
    if (session !== null && holders.has(owner)) return
    const known = isNew ? undefined : waiters.get(owner)
    const liveUntil = this.now + waitMs + TICKET_MS
    const steals = steal === 'safe'
    if (known && known.steals === steals) {
      known.liveUntil = Math.max(known.liveUntil, liveUntil)
      return
    }
    waiters.delete(owner)
    if (steals) this.#fixEnds(ref, mode)
    waiters.set(owner, { since: this.now, mode, steals, session, liveUntil })
  }

  /** A waiter without a session is attached for `attachMs` from now. */
  attended({ name, owner }: OwnerRef, attachMs: number): void {
    const waiter = this.lock(name).waiters.get(owner ?? '')
    if (waiter && waiter.session === null) waiter.liveUntil = this.now + attachMs + TICKET_MS
  }

  renewed({ name, owner }: OwnerRef, { fencingToken, expiresInMs }: Renewed): void {
    const { holders } = this.lock(name)
    const known = holders.get(owner)
    const until = this.now + expiresInMs
    if (known !== undefined && known.session !== null) {
      if (until <= endOf(known)) return
      return this.broken('session', `the heartbeat of ${owner} alone renewed ${name}, which lives by a session`)
    }
    if (known?.isEnding) return this.#checkFixed(name, owner, known, until)
    const { mode, sender } = known ?? { mode: 'exclusive', sender: null }
    this.#hold(name, owner, {
      ...{
        token: fencingToken,
        mode,
        sender,
        session: null,
        grantedAt: known?.grantedAt ?? this.now,
        isClaim: false,
        isEnding: false,
      },
      until: Math.max(known?.until ?? 0, until + this.slackMs),
      promisedUntil: Math.max(known?.promisedUntil ?? 0, until),
    })
  }

  /** The owner neither holds nor waits any more, as it wanted. */
  gone({ name, owner }: OwnerRef): void {
    const lock = this.lock(name)
    if (lock.holders.delete(owner) && lock.holders.size === 0) lock.freeSince = this.now
    if (owner !== null) lock.waiters.delete(owner)
    this.#ghosts = this.#ghosts.filter((ghost) => ghost.name !== name || ghost.owner !== owner)
  }

  /** The owner does not wait any more. */
  unqueued({ name, owner }: OwnerRef): void {
    if (owner !== null) this.lock(name).waiters.delete(owner)
  }

  /** The store says that the owner is over. */
  ended(ref: OwnerRef, reason: EndReason): void {
    this.lost(ref, reason)
    this.gone(ref)
  }

  /** The store says that the owner does not hold; it may wait. */
  lost({ name, owner }: OwnerRef, reason: EndReason): void {
    const lock = this.lock(name)
    const holder = lock.holders.get(owner)
    const leftMs = holder === undefined ? 0 : promisedEndOf(holder) - this.now
    if (leftMs > SLACK_MS && reason !== 'released' && reason !== 'revoked') {
      this.broken('promise', `${owner} lost ${name} (${reason}), ${Math.round(leftMs)} ms before its promised end`)
    }
    if (lock.holders.delete(owner) && lock.holders.size === 0) lock.freeSince = this.now
  }

  /**
   * All that a session holds and waits for is over.
   *
   * @param isWanted whether its client has said so.
   */
  dropped(session: WatchedSession, isWanted: boolean): void {
    for (const [name, { holders, waiters }] of this.#locks) {
      for (const [owner, holder] of holders) {
        if (holder.session !== session) continue
        if (isWanted) this.#options.seen.over(name, owner)
        this.gone({ namespace: '', name, owner })
      }
      for (const [owner, waiter] of waiters) if (waiter.session === session) waiters.delete(owner)
    }
  }

  /** An acquire of this owner will not be granted any more. */
  released(ref: OwnerRef): void {
    this.#options.seen.over(ref.name, ref.owner)
    if (ref.owner !== null) this.#released.add(key(ref))
  }

  /** Without an owner, anybody can renew and free a lock; but no client of ours does it to another's. */
  checkSender({ name, owner }: OwnerRef, what: string): void {
    const { sender, left } = this.#options.history
    const holder = this.lock(name).holders.get(null)
    if (owner !== null || sender === null || holder === undefined || holder.sender === null) return
    if (holder.sender === sender || left.has(sender)) return
    this.broken('stray request', `${sender} would ${what} ${name}, which was granted to ${holder.sender}`)
  }

  lookAtAll(): void {
    for (const name of this.#locks.keys()) this.lookAtWaking(name)
  }

  /** Whether, until now, the lock was free for too long though somebody waited. */
  lookAtWaking(name: string): void {
    const lock = this.lock(name)
    const { now } = this
    for (const [owner, holder] of lock.holders) {
      const end = endOf(holder)
      if (end > now) continue
      lock.freeSince = Math.max(lock.freeSince, end)
      lock.holders.delete(owner)
    }
    if (lock.holders.size > 0) return
    const runsFor = (this.#options.trueNow() - this.#options.machine.runsSince) * 0.99
    const freeSince = Math.max(lock.freeSince, this.#graceUntil)
    for (const [owner, waiter] of lock.waiters) {
      const longest = Math.min(now - Math.max(waiter.since, freeSince, waiter.session?.liveSince ?? 0), runsFor)
      if (longest > WAKE_MS && lifeOf(waiter) > now) {
        this.broken('lost wake-up', `${name} was free for ${Math.round(longest)} ms though ${owner} waited`)
      }
    }
  }

  broken(rule: Parameters<Verdict['broken']>[0], detail: string): void {
    this.#options.verdict.broken(rule, detail)
  }

  note(step: string, outcome: object | undefined): void {
    const { trace, trueNow } = this.#options
    trace.add(trueNow(), 'store', `${step} ${describe(outcome)}`)
  }

  #granted(grant: WatchedGrant): void {
    const { ref, granted, sender } = grant
    const asked = grant.asked ?? this.#asked.get(key(ref)) ?? null
    const session = grant.session()
    const lock = this.lock(ref.name)
    const { owner } = ref
    const known = lock.holders.get(owner)
    const waiter = this.#waiterOf(lock, owner)
    if (granted.claim && granted.expiresInMs > CLAIM_MS) {
      this.broken('claim', `${owner} has an unconfirmed claim of ${granted.expiresInMs} ms on ${ref.name}`)
    }
    if (known?.token === granted.fencingToken) return this.#grantedAgain(ref, known, granted)
    const mode = waiter?.mode ?? asked?.mode ?? 'exclusive'
    const steal = waiter?.steals ? 'safe' : (asked?.steal ?? null)
    this.#checkGrant(grant, session)
    if (steal !== 'now') {
      this.#checkHolders(ref, lock, mode)
      this.#checkGhosts(ref, mode)
      this.#checkTurn(ref, lock, steal)
    }
    if (steal === 'now') this.#rob(ref.name, lock, mode, granted.fencingToken)
    if (owner !== null) lock.waiters.delete(owner)
    // Out of the queue it is a claim, whatever the store calls it.
    const isClaim = (waiter !== undefined || granted.claim) && grant.asked?.steal !== 'now'
    const mostMs = isClaim ? Math.min(granted.leaseMs, CLAIM_MS) : granted.expiresInMs
    this.#hold(ref.name, owner, {
      ...{ token: granted.fencingToken, mode, sender, session, grantedAt: this.now, isClaim, isEnding: false },
      until: this.now + mostMs + this.slackMs,
      promisedUntil: this.now + granted.expiresInMs,
    })
  }

  #grantedAgain({ name, owner }: OwnerRef, known: WatchedHolder, { expiresInMs }: WatchedGrant['granted']): void {
    const until = this.now + expiresInMs
    if (known.session !== null) {
      if (until > endOf(known))
        this.broken('session', `${owner} has ${name} for longer than its session or claim lasts`)
      return
    }
    if (known.isEnding) return this.#checkFixed(name, owner, known, until)
    known.until = known.isClaim ? known.until : Math.max(known.until, until + this.slackMs)
    known.promisedUntil = Math.max(known.promisedUntil, until)
  }

  /**
   * Without a session, who was not alive any more had lost its place, and was granted the lock as a newcomer. With one
   * the place is kept.
   */
  #waiterOf({ waiters }: WatchedLock, owner: string | null): WatchedWaiter | undefined {
    const waiter = owner === null ? undefined : waiters.get(owner)
    return waiter !== undefined && (waiter.session !== null || lifeOf(waiter) > this.now) ? waiter : undefined
  }

  #checkGrant({ ref: { name, owner }, granted, isZombie }: WatchedGrant, session: WatchedSession | null): void {
    const { fencingToken } = granted
    const last = this.#options.history.lastToken(name)
    if (fencingToken === last) {
      this.broken('claim', `${owner} still has ${name}, though what it had of it ran out`)
    } else if (fencingToken < last)
      this.broken('fencing', `${owner} got token ${fencingToken} of ${name} after ${last}`)
    this.#options.history.granted(name, fencingToken)
    if (isZombie) this.broken('zombie grant', `${name} was granted to ${owner}, which had been released`)
    if (session !== null && (session.isOver || sessionEnd(session) < this.now)) {
      this.broken('zombie grant', `${name} was granted to ${owner}, whose session is over`)
    }
  }

  /** Nobody else was promised the lock for any longer. */
  #checkHolders({ name, owner }: OwnerRef, lock: WatchedLock, mode: LockMode): void {
    for (const [other, holder] of lock.holders) {
      const leftMs = promisedEndOf(holder) - this.now
      if (other === owner || !isRival(mode, holder.mode) || leftMs <= SLACK_MS) continue
      if (this.#leaving.has(key({ name, owner: other }))) continue
      this.broken(
        'promise',
        `${name} was granted to ${owner}, though ${other} was promised it for ${Math.round(leftMs)} ms more`,
      )
    }
  }

  /** Nor by the process before. */
  #checkGhosts({ name, owner }: OwnerRef, mode: LockMode): void {
    for (const { holder, ...ghost } of this.#ghosts) {
      const leftMs = promisedEndOf(holder) - this.now
      if (ghost.name !== name || ghost.owner === owner || !isRival(mode, holder.mode) || leftMs <= SLACK_MS) continue
      this.broken(
        'forgotten promise',
        `${name} was granted to ${owner}, though ${ghost.owner} was promised it for ${Math.round(leftMs)} ms more before the restart`,
      )
    }
  }

  /** Nobody who waits, and is alive, has been before. */
  #checkTurn({ name, owner }: OwnerRef, lock: WatchedLock, steal: Steal | null): void {
    const waiter = lock.waiters.get(owner ?? '')
    const life = waiter?.session?.liveUntil ?? waiter?.liveUntil ?? this.now
    const isDead = life + SLACK_MS < this.now
    let hasArrivedBefore = true
    for (const [other, one] of lock.waiters) {
      const { since, steals, session } = one
      if (other === owner) hasArrivedBefore = false
      const isAhead = steals === (steal === 'safe') ? hasArrivedBefore || isDead : steals
      if (other === owner || !isAhead || lifeOf(one) <= this.now + SLACK_MS) continue
      // It was heard of again in this very step, and may have been passed over before in it.
      if (session !== null && session.liveSince >= this.now) continue
      if (this.#leaving.has(key({ name, owner: other }))) continue
      this.broken('fifo', `${owner} was granted ${name} before ${other}, which waits since ${since} by the server`)
    }
  }

  #hold(name: string, owner: string | null, holder: WatchedHolder): void {
    this.lock(name).holders.set(owner, holder)
    this.#options.seen.granted(name, owner, holder)
    this.#options.history.promised(name, holder.token, () => this.#trueEnd(holder))
  }

  /** The true ms at which a promise ends, unless the machine of the store sleeps meanwhile: then later. */
  #trueEnd(holder: WatchedHolder): number {
    const { trueNow, machine, lateMs } = this.#options
    return trueNow() + (promisedEndOf(holder) - this.now) / machine.rate + lateMs
  }

  /** A safe steal fixes the end of those who hold, claims too. */
  #fixEnds({ name }: OwnerRef, mode: LockMode): void {
    for (const holder of this.lock(name).holders.values()) {
      // Who was granted the lock in this very step may have been so afterwards.
      if (holder.isEnding || !isRival(holder.mode, mode) || holder.grantedAt === this.now) continue
      const promisedUntil = promisedEndOf(holder)
      Object.assign(holder, { isEnding: true, until: endOf(holder), promisedUntil })
    }
  }

  #checkFixed(name: string, owner: string | null, { until }: WatchedHolder, renewedUntil: number): void {
    if (renewedUntil <= until) return
    this.broken('steal', `${owner} was renewed on ${name}, though its end was fixed`)
  }

  #rob(name: string, lock: WatchedLock, mode: LockMode, token: number): void {
    for (const [owner, holder] of lock.holders) {
      if (holder.token === token || !isRival(holder.mode, mode)) continue
      this.#options.history.rob(name, holder.token, this.#trueEnd(holder))
      this.#options.seen.over(name, owner)
      lock.holders.delete(owner)
    }
  }
}

function describe(outcome: object | undefined): string {
  const { kind, fencingToken, expiresInMs, claim, position, reason } = (outcome ?? {}) as Record<string, unknown>
  return [kind, fencingToken, expiresInMs, claim, position, reason].filter((each) => each !== undefined).join(' ')
}

function key({ name, owner }: { readonly name: string; readonly owner: string | null }): string {
  return `${name}\0${owner}`
}
