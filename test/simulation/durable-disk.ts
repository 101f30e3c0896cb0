import type { LockMode } from '../../src/protocol/wire.ts'
import type { Random } from './random.ts'
import { isRival } from './watched-lock.ts'

/** A release is on disk after so many ms at the latest. */
const UNWRITTEN_MS = 5_000
/** How often something comes back that need not, and a place in a queue. */
const RETURN_CHANCE = 0.5

export interface DiskSession {
  readonly id: string
  readonly namespace: string
  readonly leaseMs: number
  /** The highest of all attempts. */
  seq: number
  /** When its client ended it; `null`: it did not. */
  endedAt: number | null
  /** Whether the store still had it when it went down. */
  isAlive: boolean
}

export interface DiskHold {
  readonly namespace: string
  readonly name: string
  readonly owner: string
  /** `null`: it has a lease of its own. */
  readonly session: string | null
  readonly mode: LockMode
  readonly token: number
  /** The longest that it was ever promised for: a shorter one need not be on disk. */
  leaseMs: number
  releasedAt: number | null
  isAlive: boolean
}

export interface DiskPlace {
  readonly name: string
  readonly owner: string
  readonly session: string
  readonly mode: LockMode
}

/** What a store comes back with. */
export interface BroughtBack {
  readonly sessions: readonly DiskSession[]
  readonly holds: readonly DiskHold[]
  /** In the order of their arrival. */
  readonly places: readonly DiskPlace[]
}

/**
 * What a durable store has on disk, as little as the protocol allows: a grant is there before it is promised, and
 * replaces whatever it took over from. That something was released or has run out may be there or not.
 */
export class DurableDisk {
  readonly sessions = new Map<string, DiskSession>()
  readonly holds = new Map<string, DiskHold>()
  /** Written when the store goes down; not all of them were on disk. */
  places: DiskPlace[] = []
  /** The largest token that was given. */
  lastToken = 0
  readonly #random: Random
  #epochs = 0

  constructor(random: Random) {
    this.#random = random
  }

  nextEpoch(): number {
    this.#epochs += 1
    return this.#epochs
  }

  granted(hold: DiskHold): void {
    const key = keyOf(hold)
    const known = this.holds.get(key)
    if (known?.token === hold.token) {
      known.leaseMs = Math.max(known.leaseMs, hold.leaseMs)
      return
    }
    const rivals = [...this.holds.values()].filter(
      (other) => other.name === hold.name && isRival(other.mode, hold.mode),
    )
    // Several may be granted the lock in one step, and be heard of in any order.
    if (rivals.some(({ token }) => token > hold.token)) return
    for (const rival of rivals) this.holds.delete(keyOf(rival))
    this.holds.set(key, hold)
  }

  renewed(name: string, owner: string, leaseMs: number): void {
    const known = this.holds.get(keyOf({ name, owner }))
    if (known) known.leaseMs = Math.max(known.leaseMs, leaseMs)
  }

  released(name: string, owner: string, now: number): void {
    const known = this.holds.get(keyOf({ name, owner }))
    if (known) known.releasedAt ??= now
  }

  /** Decides what is there after the store went down at `downAt`; what is not there is gone for good. */
  bringBack(downAt: number): BroughtBack {
    for (const [id, session] of this.sessions) {
      if (!session.isAlive && !this.#mayReturn(session.endedAt, downAt)) this.sessions.delete(id)
    }
    for (const [key, hold] of this.holds) {
      const isOrphan = hold.session !== null && !this.sessions.has(hold.session)
      const isCertain = hold.isAlive && hold.releasedAt === null
      if (isOrphan || (!isCertain && !this.#mayReturn(hold.releasedAt, downAt))) this.holds.delete(key)
    }
    const places = this.#bringBackPlaces()
    for (const session of this.sessions.values()) session.endedAt = null
    for (const hold of this.holds.values()) hold.releasedAt = null
    return { sessions: [...this.sessions.values()], holds: [...this.holds.values()], places }
  }

  /** Only such as have to wait: nothing is granted while the store comes back. */
  #bringBackPlaces(): DiskPlace[] {
    const places: DiskPlace[] = []
    for (const place of this.places) {
      const isHeld = [...this.holds.values()].some(({ name, mode }) => name === place.name && isRival(mode, place.mode))
      const mustWait = isHeld || places.some(({ name }) => name === place.name)
      if (mustWait && this.sessions.has(place.session) && this.#random.chance(RETURN_CHANCE)) places.push(place)
    }
    this.places = []
    return places
  }

  /** Whether what is over comes back: that it is over was written late, or never. */
  #mayReturn(overSince: number | null, downAt: number): boolean {
    const mayBeUnwritten = overSince === null || downAt - overSince < UNWRITTEN_MS
    return mayBeUnwritten && this.#random.chance(RETURN_CHANCE)
  }
}

function keyOf({ name, owner }: { readonly name: string; readonly owner: string }): string {
  return `${name}\0${owner}`
}
