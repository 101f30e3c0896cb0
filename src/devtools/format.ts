import type { Json } from '../index.ts'

/** How many characters of a holder's `info` are shown where it has no name. */
const MAX_LABEL = 40
/** The members of `info` that usually name a person or a program, best first. */
const NAMING = ['name', 'label', 'user', 'title', 'email', 'host', 'id']

/** A duration of `ms` for people: `840 ms`, `9.4 s`, `2 min 05 s`, `3 h 07 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.floor(ms))} ms`
  if (ms < 60_000) return seconds(ms)
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${padded((ms % 60_000) / 1000)} s`
  return `${Math.floor(ms / 3_600_000)} h ${padded((ms % 3_600_000) / 60_000)} min`
}

/** What is left of a lease: like {@link duration}, but never in ms, so that the unit does not jump at the end. */
export function countdown(ms: number): string {
  return ms < 60_000 ? seconds(Math.max(0, ms)) : duration(ms)
}

/** A setting of `ms` without a needless decimal: `12 s`, `1.5 s`, `500 ms`. */
export function setting(ms: number): string {
  return duration(ms)
    .replace(/\.0 s$/, ' s')
    .replace(/ min 00 s$/, ' min')
}

/** Rounded down: a lease must not look longer than it is. */
function seconds(ms: number): string {
  return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`
}

function padded(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}

/** The local time of day of a wall-clock instant: `14:03:12`, with `ms` `14:03:12.004`. */
export function timeOfDay(wall: number, ms = false): string {
  const date = new Date(wall)
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(padded).join(':')
  return ms ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time
}

/** `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`. */
export function ordinal(n: number): string {
  const tens = n % 100
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${suffix}`
}

/** The place in a queue, for people. `null` where the server has no queue. */
export function place(position: number | null): string {
  return position === null ? 'waiting' : `${ordinal(position)} in line`
}

/** Who a holder or waiter is, as far as its `info` tells; `somebody` where it tells nothing. */
export function personOf(info: Json | undefined): string {
  if (info === null || info === undefined || info === '') return 'somebody'
  if (typeof info === 'object' && !Array.isArray(info)) {
    const members: Readonly<Record<string, unknown>> = { ...info }
    for (const member of NAMING) {
      const value = members[member]
      if (typeof value === 'string' && value !== '') return shortened(value)
    }
  }
  return shortened(typeof info === 'string' ? info : JSON.stringify(info))
}

function shortened(text: string): string {
  return text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}…` : text
}
