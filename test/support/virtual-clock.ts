import type { ServerClock } from '../../src/server/clock.ts'

interface Timer {
  readonly at: number
  readonly fire: () => void
}

const MOST_TIMERS = 100_000

/** A clock that stands still until it is told to go on. */
export class VirtualClock implements ServerClock {
  #now = 1_000
  #wall: number
  readonly #timers = new Set<Timer>()

  constructor(wall: number = Date.UTC(2026, 0, 1)) {
    this.#wall = wall
  }

  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wall
  }

  setTimer(fire: () => void, ms: number): () => void {
    const timer = { at: this.#now + Math.max(0, ms), fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Sets the wall clock, as an administrator would, forth or back. */
  setWall(wall: number): void {
    this.#wall = wall
  }

  /** Lets `ms` pass and fires what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    let fired = 0
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      fired += 1
      if (fired > MOST_TIMERS)
        throw new Error(`More than ${MOST_TIMERS} timers fired within ${ms} ms: one sets itself again and again.`)
      this.#pass(next.at)
      this.#timers.delete(next)
      next.fire()
    }
    this.#pass(end)
  }

  #next(end: number): Timer | undefined {
    const due = [...this.#timers].filter((timer) => timer.at <= end)
    return due.sort((a, b) => a.at - b.at)[0]
  }

  #pass(until: number): void {
    this.#wall += until - this.#now
    this.#now = until
  }
}
