import type { ServerClock } from '../../clock.ts'

interface Alarm {
  readonly at: number
  readonly cancel: () => void
}

/** What has to be looked at by itself, and when. */
export interface AlarmBook {
  /**
   * Calls `ring` at `at` (monotonic ms) or earlier, or never if that is `Infinity`; in place of the alarm that is set
   * for `subject`, if there is one. Whoever is rung sets the next one.
   */
  set(subject: object, at: number, ring: () => void): void
  clear(): void
}

/** One timer for each thing that has to be looked at by itself. */
export class Alarms implements AlarmBook {
  readonly #clock: ServerClock
  readonly #alarms = new Map<object, Alarm>()

  constructor(clock: ServerClock) {
    this.#clock = clock
  }

  /**
   * Calls `ring` at `at` (monotonic ms), or never if that is `Infinity`.
   *
   * An alarm that is set for earlier stays: heartbeats put the end off all the time, and it is cheaper to ring once in
   * vain than to set a timer anew for each of them. Whoever is rung sets the next one.
   */
  set(subject: object, at: number, ring: () => void): void {
    const alarm = this.#alarms.get(subject)
    if (alarm !== undefined && alarm.at <= at && at !== Number.POSITIVE_INFINITY) return
    alarm?.cancel()
    this.#alarms.delete(subject)
    if (at === Number.POSITIVE_INFINITY) return
    const fire = () => {
      this.#alarms.delete(subject)
      ring()
    }
    // Whole ms, so that rounding cannot let it ring a hair too early, again and again.
    const ms = Math.max(1, Math.ceil(at - this.#clock.now()))
    this.#alarms.set(subject, { at, cancel: this.#clock.setTimer(fire, ms) })
  }

  clear(): void {
    for (const alarm of this.#alarms.values()) alarm.cancel()
    this.#alarms.clear()
  }
}
