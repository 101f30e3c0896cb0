import type { AcquireOutcome, AcquireStep, AttendOutcome, AttendStep, Full, Granted, Queued } from '../../store.ts'
import { TICKET_MS } from '../../timing.ts'
import { asGranted, type Holder, isCompatible, isRival } from './holder.ts'
import type { Lock } from './lock.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'
import { evictRivals, fixEnds } from './steal.ts'
import type { Waiter } from './wait-queue.ts'

/** An {@link AcquireStep} with the session that it is taken in; `null`: it has a lease of its own. */
export interface SessionAcquireStep extends AcquireStep {
  readonly session: Session | null
}

/** An acquire in the owned dialect. */
type OwnedStep = SessionAcquireStep & { readonly owner: string }

/** Grants, enqueues or refuses; `lock` is up to the present. */
export function acquire(space: Space, lock: Lock, step: SessionAcquireStep, now: number): AcquireOutcome {
  if (!isOwned(step)) return acquireAnew(space, lock, step, now)
  const spent = space.spent(lock.name, step.owner, now)
  if (spent !== null) return { kind: 'spent', reason: spent }
  const holder = lock.holder(step.owner)
  if (holder !== null) return acquireAgain(lock, holder, step, now)
  const waiter = lock.queue.find(step.owner)
  return waiter === null ? acquireAnew(space, lock, step, now) : pollAgain(space, lock, waiter, step, now)
}

/** How a waiter stands, whose request is attached for `attachMs` from now. */
export function attend(space: Space, lock: Lock, step: AttendStep, now: number): AttendOutcome {
  const { owner } = step
  if (owner === null) return { kind: 'gone' }
  const holder = lock.holder(owner)
  if (holder !== null) return asGranted(holder, now)
  const waiter = lock.queue.find(owner)
  if (waiter !== null) {
    if (waiter.session === null) waiter.liveUntil = now + step.attachMs + TICKET_MS
    return asQueued(space, lock, waiter, now)
  }
  const spent = space.spent(lock.name, owner, now)
  return spent === null ? { kind: 'gone' } : { kind: 'spent', reason: spent }
}

function isOwned(step: SessionAcquireStep): step is OwnedStep {
  return step.owner !== null
}

function acquireAnew(space: Space, lock: Lock, step: SessionAcquireStep, now: number): AcquireOutcome {
  const graceMs = space.graceMs(now)
  const mayHold = graceMs === 0 && (step.steal === 'now' || isAvailable(lock, step, now))
  if (mayHold) return limitReached(space, lock, step) ?? takeNow(space, lock, step, now, now)
  if (!isOwned(step) || step.waitMs === 0 || step.ifAvailable) {
    return { kind: 'refused', holders: lock.holderStates(now), graceMs }
  }
  return limitReached(space, lock, step) ?? waitersExceeded(space, step) ?? enqueue(space, lock, step, now)
}

function isAvailable(lock: Lock, step: AcquireStep, now: number): boolean {
  return isCompatible(lock.holders, step.mode) && lock.queue.isClearFor({ steal: step.steal === 'safe' }, now)
}

/**
 * The same grant again. A claim stays a claim, and a fixed end stays fixed: neither is renewed by asking again. What a
 * session holds is renewed with the session.
 */
function acquireAgain(lock: Lock, holder: Holder, step: OwnedStep, now: number): AcquireOutcome {
  if (holder.session !== step.session) return { kind: 'conflict', member: 'session' }
  if (holder.mode !== step.mode) return { kind: 'conflict', member: 'mode' }
  if (holder.session === null && !holder.claim && holder.ending === null) lock.extend(holder, step.leaseMs, now)
  return asGranted(holder, now)
}

function pollAgain(space: Space, lock: Lock, waiter: Waiter, step: OwnedStep, now: number): AcquireOutcome {
  if (waiter.session !== step.session) return { kind: 'conflict', member: 'session' }
  if (waiter.mode !== step.mode) return { kind: 'conflict', member: 'mode' }
  if (step.ifAvailable) return { kind: 'conflict', member: 'if_available' }
  if (step.steal === 'now' && space.graceMs(now) === 0) {
    space.prepareGrant(step.leaseMs)
    lock.dequeue(waiter)
    return takeNow(space, lock, step, now, waiter.arrivedAt)
  }
  if (step.steal === 'safe' && !waiter.steal) {
    lock.dequeue(waiter)
    return enqueue(space, lock, step, now, waiter)
  }
  waiter.leaseMs = step.leaseMs
  waiter.liveUntil = Math.max(waiter.liveUntil, now + step.waitMs + TICKET_MS)
  return asQueued(space, lock, waiter, now)
}

/** Grants out of turn or because nobody is in the way; the client that asked is there, so it is no claim. */
function takeNow(space: Space, lock: Lock, step: SessionAcquireStep, now: number, arrivedAt: number): Granted {
  space.prepareGrant(step.leaseMs)
  if (step.steal === 'now') evictRivals(lock, step.mode, now)
  const holder = lock.grant({ ...step, ...step.principal, arrivedAt }, now, { claim: false })
  // A shared lock that was taken from an exclusive holder is open to shared waiters too.
  lock.promote(now)
  return asGranted(holder, now)
}

/** @param before its place until now, if it had one: what keeps that alive keeps the new one alive. */
function enqueue(
  space: Space,
  lock: Lock,
  step: OwnedStep,
  now: number,
  before: Pick<Waiter, 'arrivedAt' | 'liveUntil'> = { arrivedAt: now, liveUntil: now },
): Granted | Queued {
  const { owner, mode, info, leaseMs, waitMs, session } = step
  const { subject, maxHoldMs } = step.principal
  const steal = step.steal === 'safe'
  if (steal) fixEnds(lock, mode)
  const ownUntil = Math.max(before.liveUntil, now + waitMs + TICKET_MS)
  const liveUntil = session === null ? ownUntil : Number.POSITIVE_INFINITY
  const asked = { owner, subject, mode, info, leaseMs, maxHoldMs, steal, session }
  const waiter = { ...asked, arrivedAt: before.arrivedAt, liveUntil }
  lock.enqueue(waiter)
  // Somebody who waited may have made way, by turning into a thief at the head.
  lock.promote(now)
  const holder = lock.holder(owner)
  return holder === null ? asQueued(space, lock, waiter, now) : asGranted(holder, now)
}

function asQueued(space: Space, lock: Lock, waiter: Waiter, now: number): Queued {
  const position = lock.queue.position(waiter)
  return { kind: 'queued', position, holders: lock.holderStates(now), graceMs: space.graceMs(now) }
}

function limitReached(space: Space, lock: Lock, step: SessionAcquireStep): Full | null {
  const { locks, ownersPerLock, ownersPerSession } = space.limits
  if (step.session !== null && step.session.size >= ownersPerSession) {
    return { kind: 'full', limit: 'ownersPerSession', most: ownersPerSession }
  }
  if (!space.has(lock) && space.lockCount >= locks) return { kind: 'full', limit: 'locks', most: locks }
  const leaving = lock.holders.filter((holder) => step.steal === 'now' && isRival(holder, step.mode))
  if (lock.holders.length - leaving.length + lock.queue.size >= ownersPerLock) {
    return { kind: 'full', limit: 'ownersPerLock', most: ownersPerLock }
  }
  return quotaReached(space, step, leaving)
}

function quotaReached(
  space: Space,
  { principal: { subject, quota } }: SessionAcquireStep,
  leaving: readonly Holder[],
): Full | null {
  if (quota.locks === null) return null
  const own = space.holders.of(subject) + space.waiters.of(subject)
  const staying = own - leaving.filter((holder) => holder.subject === subject).length
  return staying < quota.locks ? null : { kind: 'full', limit: 'locksPerToken', most: quota.locks }
}

function waitersExceeded(space: Space, { principal: { subject, quota } }: SessionAcquireStep): Full | null {
  const { waiters } = space.limits
  if (space.waiters.total >= waiters) return { kind: 'full', limit: 'waiters', most: waiters }
  if (quota.waiters === null || space.waiters.of(subject) < quota.waiters) return null
  return { kind: 'full', limit: 'waitersPerToken', most: quota.waiters }
}
