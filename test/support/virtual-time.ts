import type { Clock } from '../../src/core/clock.ts'
import type { CancelTimer, Timers } from '../../src/core/ports.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

/** How many turns of the event loop let all promises settle that wait for no timer. */
const TURNS = 6

/** Lets every promise settle that does not wait for virtual time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resume) => setImmediate(resume))
}

/** True time, which passes only when a test says so. */
export class VirtualTime {
  now = 0
  #timers: Timer[] = []
  #order = 0

  setTimer(fire: () => void, ms: number): CancelTimer {
    this.#order += 1
    const timer = { at: this.now + Math.max(0, ms), order: this.#order, fire }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Lets `ms` pass: every timer that is due fires in its turn, and what it sets off settles before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    await settle()
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (!next) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.now = Math.max(this.now, next.at)
      next.fire()
      await settle()
    }
    this.now = end
  }

  /** Lets time pass in small steps until `done`, and fails if that takes longer than `limit` ms. */
  async until(done: () => boolean, limit = 600_000): Promise<void> {
    const end = this.now + limit
    await settle()
    while (!done()) {
      if (this.now >= end) throw new Error(`It did not happen within ${limit} virtual ms.`)
      await this.advance(10)
    }
  }
}

/** One machine in virtual time: its clocks may be off, and it may be frozen or asleep. */
export class VirtualMachine implements Clock, Timers {
  readonly #time: VirtualTime
  readonly #due: (() => void)[] = []
  #slept = 0
  #sleepsSince: number | null = null
  #frozen = false
  #wallOffset = 1_700_000_000_000

  constructor(time: VirtualTime) {
    this.#time = time
  }

  /** Stands still while the machine sleeps, as `performance.now()` does on Linux and macOS. */
  now(): number {
    return (this.#sleepsSince ?? this.#time.now) - this.#slept
  }

  wall(): number {
    return this.#time.now + this.#wallOffset
  }

  setWallBy(ms: number): void {
    this.#wallOffset += ms
  }

  setTimer(fire: () => void, ms: number): CancelTimer {
    let cancelled = false
    const cancel = this.#time.setTimer(() => this.run(() => cancelled || fire()), ms)
    return () => {
      cancelled = true
      cancel()
    }
  }

  /** Runs `task` now, or when the machine runs again. */
  run(task: () => void): void {
    if (this.#frozen) this.#due.push(task)
    else task()
  }

  /** Nothing runs until `resume()`; the clocks go on. */
  freeze(): void {
    this.#frozen = true
  }

  /** Nothing runs until `resume()`, and the monotonic clock stands still. */
  sleep(): void {
    this.#frozen = true
    this.#sleepsSince = this.#time.now
  }

  /** The machine runs again. What became due meanwhile is left for `catchUp()`, so that a test can look before. */
  wake(): void {
    if (this.#sleepsSince !== null) this.#slept += this.#time.now - this.#sleepsSince
    this.#sleepsSince = null
    this.#frozen = false
  }

  /** Runs what became due while the machine did not run. */
  async catchUp(): Promise<void> {
    for (const task of this.#due.splice(0)) {
      task()
      await settle()
    }
  }
}
