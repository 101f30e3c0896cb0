import type { Dialect, WorldOptions } from './plan.ts'
import type { Tweaks } from './tweaks.ts'
import { EARLY_RULES, type Rule } from './verdict.ts'
import type { RunOptions } from './world.ts'

/** The product with one of its rules broken on purpose, to see that the oracles notice. */
export interface Mutant {
  readonly name: string
  /** In which worlds it is looked for; `null`: in all. */
  readonly dialect: Dialect | null
  /** Set: only where servers know sessions, or where they do not. */
  readonly hasSessions?: boolean | undefined
  /** In which worlds besides; default: those whose store forgets, and knows how long to wait. */
  readonly world?: WorldOptions | undefined
  /** By which rules it may be caught: by others it would be for the wrong reason. */
  readonly rules: readonly Rule[]
  /** Within how many seeds, from 1 on, it must be caught. */
  readonly within: number
  readonly tweaks: Tweaks
}

/** The worlds in which a mutant is looked for. */
export function worldOf({ dialect, hasSessions, world = {} }: Mutant): WorldOptions {
  return {
    stores: ['grace'],
    ...(dialect === null ? {} : { dialect }),
    ...(hasSessions === undefined ? {} : { hasSessions }),
    ...world,
  }
}

/** What is wrong before any harm is done is not listened to, unless that is what a mutant is about. */
export function runOptionsOf({ rules, tweaks }: Mutant): RunOptions {
  return { tweaks, deafTo: EARLY_RULES.filter((rule) => !rules.includes(rule)) }
}
