import type { AlarmBook } from '../memory/alarms.ts'
import { Lock } from '../memory/lock.ts'

interface DueAlarm {
  readonly at: number
  readonly ring: () => void
}

/**
 * Alarms that ring when they are told the time, in an order that does not depend on when they were set: servers that
 * have read a snapshot have set them at other times than those that wrote it.
 */
export class DueAlarms implements AlarmBook {
  readonly #alarms = new Map<string, DueAlarm>()
  #earliest = Number.POSITIVE_INFINITY

  set(subject: object, at: number, ring: () => void): void {
    const key = subject instanceof Lock ? `${subject.namespace}\0${subject.name}` : ''
    if (at === Number.POSITIVE_INFINITY) this.#alarms.delete(key)
    else this.#alarms.set(key, { at, ring })
    this.#earliest = Math.min(this.#earliest, at)
  }

  clear(): void {
    this.#alarms.clear()
  }

  /** Rings all whose time has come, those too that are set for it while others ring. */
  ring(now: number): void {
    while (this.#earliest <= now) {
      const due = [...this.#alarms].filter(([, { at }]) => at <= now).sort(byKey)
      for (const [key] of due) this.#alarms.delete(key)
      this.#earliest = Number.POSITIVE_INFINITY
      for (const { at } of this.#alarms.values()) this.#earliest = Math.min(this.#earliest, at)
      for (const [, { ring }] of due) ring()
    }
  }
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}
