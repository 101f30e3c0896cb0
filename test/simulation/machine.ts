import type { Clock } from '../../src/core/clock.ts'
import type { CancelTimer, Timers } from '../../src/core/ports.ts'
import type { Kernel } from './kernel.ts'
import type { Random } from './random.ts'

/** How early and how late timers fire, in ms: Node's may be a little early. */
const TIMER_EARLY_MS = 0.5
const TIMER_LATE_MS = 2
const WALL_AT_START = Date.UTC(2026, 0, 1)

interface Backlogged {
  readonly kind: 'timer' | 'message'
  readonly task: () => void
}

/** One computer with one process on it. Its clocks are off, and it may be frozen, asleep or dead. */
export class Machine implements Clock, Timers {
  readonly label: string
  /** How many tasks the process has begun. */
  tasks = 0
  /** Grows when the process dies: what the old one began is none of the new one's business. */
  epoch = 0
  /** Its clocks were never set, and never stood still. */
  hasEvenClocks = true
  /** True ms since when it runs without interruption. */
  runsSince = 0
  readonly #kernel: Kernel
  readonly #random: Random
  /** What its clocks advance by in one true ms. */
  readonly rate: number
  readonly #origin: number
  #wallOffset: number
  #slept = 0
  #asleepSince: number | null = null
  #freezes = 0
  #sleeps = 0
  #alive = true
  #backlog: Backlogged[] = []
  #sleepers: (() => void)[] = []
  readonly #threads: Machine[] = []

  constructor(label: string, kernel: Kernel, random: Random, rate: number) {
    this.label = label
    this.#kernel = kernel
    this.#random = random
    this.rate = rate
    this.#origin = random.between(0, 1_000_000)
    this.#wallOffset = WALL_AT_START + random.between(-3_600_000, 3_600_000)
  }

  /** Another thread of the same process: it is frozen by itself only, and its monotonic clock begins elsewhere. */
  thread(random: Random): Machine {
    const thread = new Machine(this.label, this.#kernel, random, this.rate)
    thread.#wallOffset = this.#wallOffset
    this.#threads.push(thread)
    return thread
  }

  get isAlive(): boolean {
    return this.#alive
  }

  /** Whether it can do anything right now. */
  get isRunning(): boolean {
    return this.#alive && this.#freezes === 0 && this.#sleeps === 0
  }

  /** Monotonic ms. They stand still while the machine sleeps, as `performance.now()` does on Linux and macOS. */
  now(): number {
    return this.#origin + ((this.#asleepSince ?? this.#kernel.now) - this.#slept) * this.rate
  }

  wall(): number {
    return this.#wallOffset + this.#kernel.now * this.rate
  }

  setTimer(fire: () => void, ms: number): CancelTimer {
    const due = this.now() + Math.max(0, ms + this.#random.between(-TIMER_EARLY_MS, TIMER_LATE_MS))
    const { epoch } = this
    let cancelKernel = () => {}
    let cancelled = false
    const ring = () => {
      if (cancelled || epoch !== this.epoch) return
      // The clock that it was set by may have stood still meanwhile.
      if (this.#asleepSince !== null) this.#sleepers.push(arm)
      else if (due - this.now() > 1e-6) arm()
      else this.#run({ kind: 'timer', task: () => cancelled || fire() })
    }
    const arm = () => {
      cancelKernel = this.#kernel.after((due - this.now()) / this.rate, ring)
    }
    arm()
    return () => {
      cancelled = true
      cancelKernel()
    }
  }

  /** Runs `task` now, or when the machine runs again; never if the process dies before. */
  run(task: () => void): void {
    this.#run({ kind: 'message', task })
  }

  /** Nothing runs for `ms` of true time; the clocks go on. */
  freeze(ms: number): void {
    this.#freezes += 1
    this.#kernel.after(ms, () => {
      this.#freezes -= 1
      this.#resume()
    })
  }

  /** Nothing runs for `ms` of true time, and the monotonic clock stands still. */
  sleep(ms: number): void {
    this.hasEvenClocks = false
    for (const thread of this.#threads) thread.sleep(ms)
    this.#sleeps += 1
    this.#asleepSince ??= this.#kernel.now
    this.#kernel.after(ms, () => {
      this.#sleeps -= 1
      if (this.#sleeps === 0) this.#wake()
      this.#resume()
    })
  }

  /** Somebody sets the wall clock. */
  stepWall(ms: number): void {
    this.hasEvenClocks = false
    this.#wallOffset += ms
    for (const thread of this.#threads) thread.#wallOffset += ms
  }

  /** The process is gone, with its timers and all that it waited for. */
  kill(): void {
    for (const thread of this.#threads) thread.kill()
    this.#alive = false
    this.epoch += 1
    this.#backlog = []
    this.#sleepers = []
  }

  /** Another process starts. */
  boot(): void {
    this.#alive = true
    this.runsSince = this.#kernel.now
  }

  #run(backlogged: Backlogged): void {
    if (!this.#alive) return
    if (!this.isRunning) {
      this.#backlog.push(backlogged)
      return
    }
    this.tasks += 1
    backlogged.task()
  }

  #wake(): void {
    if (this.#asleepSince !== null) this.#slept += this.#kernel.now - this.#asleepSince
    this.#asleepSince = null
    for (const arm of this.#sleepers.splice(0)) arm()
  }

  /** What fell due meanwhile runs now, timers or messages first, as it comes. */
  #resume(): void {
    if (!this.isRunning) return
    this.runsSince = this.#kernel.now
    const first = this.#random.chance(0.5) ? 'timer' : 'message'
    const backlog = this.#backlog.splice(0)
    const { epoch } = this
    for (const kind of [first, first === 'timer' ? 'message' : 'timer']) {
      for (const each of backlog.filter((one) => one.kind === kind)) {
        this.#kernel.after(0, () => {
          if (epoch === this.epoch) this.#run(each)
        })
      }
    }
  }
}
