import type { ServerClock } from '../clock.ts'
import type { OwnerRef } from '../store.ts'
import { withResolvers } from '../with-resolvers.ts'

/** Why a parked request goes on. `changed`: the store says that something happened to its owner. */
export type Wake = 'changed' | 'deadline' | 'replaced' | 'disconnected' | 'shutdown'

/** A request that may have to wait. */
export interface Parked {
  /** Resolves once, with the first reason to go on. */
  readonly woken: Promise<Wake>
  /**
   * Ends the parking. Returns how many ms another request of the same owner is still going to wait, 0 if there is none.
   */
  leave(): number
}

interface Place {
  readonly until: number
  readonly wake: (wake: Wake) => void
}

/** The requests that wait for a lock, at most one an owner: a repeated request takes the place of the one before. */
export class Parking {
  readonly #clock: ServerClock
  readonly #counted: (parked: number) => void
  readonly #places = new Map<string, Place>()
  readonly #closeListeners = new Set<() => void>()
  #closed = false
  #count = 0

  /** @param counted told how many requests are parked, whenever that changes. */
  constructor(clock: ServerClock, counted: (parked: number) => void = () => undefined) {
    this.#clock = clock
    this.#counted = counted
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Parks a request for at most `waitMs`, or until `signal` aborts because its client has gone. */
  enter(owner: OwnerRef, waitMs: number, signal: AbortSignal): Parked {
    const key = keyOf(owner)
    const { promise: woken, resolve: wake } = withResolvers<Wake>()
    const place = { until: this.#clock.now() + waitMs, wake }
    this.#places.get(key)?.wake('replaced')
    this.#places.set(key, place)
    const cancelTimer = this.#clock.setTimer(() => wake('deadline'), waitMs)
    const disconnected = () => wake('disconnected')
    signal.addEventListener('abort', disconnected)
    if (signal.aborted) disconnected()
    if (this.#closed) wake('shutdown')
    this.#countBy(1)
    let hasLeft = false
    return {
      woken,
      leave: () => {
        cancelTimer()
        signal.removeEventListener('abort', disconnected)
        if (!hasLeft) this.#countBy(-1)
        hasLeft = true
        return this.#leave(key, place)
      },
    }
  }

  /** Lets the request of `owner` go on, if there is one. */
  wake(owner: OwnerRef): void {
    this.#places.get(keyOf(owner))?.wake('changed')
  }

  /** Lets all requests go on, those too that come later. */
  close(): void {
    this.#closed = true
    for (const place of this.#places.values()) place.wake('shutdown')
    for (const listener of this.#closeListeners) listener()
    this.#closeListeners.clear()
  }

  /** Calls `listener` when all are let go, at once if they have been. Returns a function that ends it. */
  onClose(listener: () => void): () => void {
    if (this.#closed) listener()
    else this.#closeListeners.add(listener)
    return () => this.#closeListeners.delete(listener)
  }

  #countBy(difference: number): void {
    this.#count += difference
    this.#counted(this.#count)
  }

  #leave(key: string, place: Place): number {
    const current = this.#places.get(key)
    if (current !== place) return current === undefined ? 0 : Math.max(0, current.until - this.#clock.now())
    this.#places.delete(key)
    return 0
  }
}

// None of the three contains control characters.
function keyOf({ namespace, name, owner }: OwnerRef): string {
  return `${namespace}\0${name}\0${owner}`
}
