import type { LockMode } from '../../src/protocol/wire.ts'
import type { Machine } from './machine.ts'

/** Somebody who holds a lock, or thinks so. */
export interface Believer {
  readonly label: string
  readonly machine: Machine
  readonly name: string
  readonly mode: LockMode
  /** `null` in the classic dialect. */
  readonly fencingToken: number | null
  /** When it was asked for, in true ms. */
  readonly askedAt: number
  /** What it says if it is asked right now. */
  believes(): boolean
  /** How many ms of its own clock it is certain of, if it believes. */
  remaining(): number
}
