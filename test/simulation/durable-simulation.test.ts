import { describe, expect, it } from 'vitest'
import { DURABLE_MUTANTS } from './durable-mutants.ts'
import { runOptionsOf, worldOf } from './mutant.ts'
import { planOf } from './plan.ts'
import { runPlan } from './world.ts'

const SEEDS = 100

describe('a store that comes back from its disk', () => {
  it(`breaks no rule in ${SEEDS} schedules`, { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { violations } = await runPlan(planOf(seed, { dialect: 'owned', stores: ['durable'] }))
      expect(violations, `npm run simulate -- --store durable --replay ${seed}`).toEqual([])
    }
  })

  it.each(DURABLE_MUTANTS)('is noticed within $within schedules if $name', { timeout: 60_000 }, async (mutant) => {
    for (let seed = 1; seed <= mutant.within; seed += 1) {
      const [violation] = (await runPlan(planOf(seed, worldOf(mutant)), runOptionsOf(mutant))).violations
      if (violation === undefined) continue
      expect(mutant.rules).toContain(violation.rule)
      return
    }
    expect.unreachable('It was not noticed.')
  })
})
