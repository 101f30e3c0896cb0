import { readFile } from 'node:fs/promises'
import { readTale } from '../processes/tale.ts'
import { figuresOf } from './figures.ts'
import { STORES } from './stores.ts'
import { Storm, type StormOptions } from './storm.ts'
import { type Violation, violationsIn } from './verdict.ts'
import { Workplace } from './workplace.ts'

export interface ChaosOptions extends StormOptions {
  /** One of {@link STORES}. */
  readonly store: string
}

export interface ChaosReport {
  readonly figures: readonly string[]
  readonly violations: readonly Violation[]
  /** What else should not have happened: processes that failed, and locks that nobody could have any more. */
  readonly troubles: readonly string[]
  /** The folder with all logs; `null` if all went well, when it is removed. */
  readonly logs: string | null
}

/** Runs a storm and judges it. Throws if `store` is unknown, or if something does not start. */
export async function runChaos({ store: kind, ...options }: ChaosOptions): Promise<ChaosReport> {
  const open = STORES[kind]
  if (open === undefined) throw new Error(`There is no store ${kind}: use ${Object.keys(STORES).join(', ')}.`)
  const workplace = await Workplace.make()
  const store = await open(workplace)
  try {
    const storm = new Storm(workplace, store, options)
    const { writes } = await storm.run()
    const tale = readTale(await readFile(storm.log, 'utf8').catch(() => ''))
    const { leaseMs, mayForget } = store
    const violations = violationsIn({ tale, writes, leaseMs, mayForget })
    const { troubles } = storm.tally
    const isFine = violations.length === 0 && troubles.length === 0
    if (isFine) await workplace.remove()
    else workplace.keep()
    return { figures: figuresOf(tale, storm.tally), violations, troubles, logs: isFine ? null : workplace.folder }
  } finally {
    await store.stop()
  }
}
