import { LEASE_MS } from './clients.ts'
import type { DeskState } from './use-desk.ts'

/** What the bar of a desk is coloured by. */
export function moodOf({ lock }: DeskState): string {
  if (lock.ending) return 'ending'
  return lock.loss?.cause === 'taken-over' ? 'idle' : lock.status
}

/** Where this person stands, in one sentence. */
export function situationOf({ lock, seen, holder, isAsking }: DeskState): string {
  switch (lock.status) {
    case 'held':
      return lock.ending ? 'You are still editing.' : 'You are editing.'
    case 'acquiring':
    case 'blocked':
      if (lock.status === 'acquiring' && seen !== 'held') return 'Asking for the document…'
      if (isAsking) return `${holder} has been asked: your turn within ${LEASE_MS / 1000} s.`
      return `${holder} is editing. ${turn(lock.position)}`
    case 'lost':
      return seen === 'held' ? `${holder} is editing.` : 'You were editing.'
    case 'failed':
      return 'Not editing.'
    default:
      if (seen === 'unknown') return 'Reading.'
      return seen === 'held' ? `${holder} is editing.` : 'Nobody is editing.'
  }
}

function turn(position: number | null): string {
  if (position === null) return 'You are waiting.'
  return position === 1 ? 'You are next.' : `${position - 1} before you.`
}
