import type { LockableEvent } from '../index.ts'

/** ms between two announcements: a screen reader that is told everything says nothing. */
export const ANNOUNCE_EVERY_MS = 5000

/** What is announced of `event`, or `null` if it is not worth an interruption. */
export function announcement(event: LockableEvent): string | null {
  switch (event.type) {
    case 'granted':
      return `${event.name} is held.`
    case 'lost':
      return `${event.name} was lost: ${event.loss.sentence}`
    case 'health':
      return event.health === 'ok' ? null : `${event.name} is ${event.health}.`
    case 'ending':
      return `${event.name} is about to change hands.`
    default:
      return null
  }
}

/** Says things with at least `everyMs` in between; of those that come too soon the newest is said when it is time. */
export function createAnnouncer(say: (text: string) => void, everyMs: number = ANNOUNCE_EVERY_MS): Announcer {
  let timer: ReturnType<typeof setTimeout> | undefined
  let next: string | null = null

  const open = () => {
    timer = undefined
    if (next !== null) speak(next)
  }
  const speak = (text: string) => {
    next = null
    say(text)
    timer = setTimeout(open, everyMs)
  }
  return {
    announce: (text) => {
      if (timer === undefined) speak(text)
      else next = text
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
      next = null
    },
  }
}

export interface Announcer {
  readonly announce: (text: string) => void
  readonly stop: () => void
}
