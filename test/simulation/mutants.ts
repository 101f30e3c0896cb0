import type { Dialect } from './plan.ts'
import type { Tweaks } from './tweaks.ts'

/** The product with one of its rules broken on purpose, to see that the oracles would notice. */
export interface Mutant {
  readonly name: string
  /** In which worlds it is looked for; `null`: in all. */
  readonly dialect: Dialect | null
  readonly tweaks: Tweaks
}

export const MUTANTS: readonly Mutant[] = []
