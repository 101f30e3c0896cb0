import fc from 'fast-check'
import { test } from 'vitest'
import type { Steal } from '../../src/protocol/wire.ts'
import { type Action, StoreModel } from './store-model.ts'

const who = fc.nat({ max: 4 })
const leaseMs = fc.constantFrom(1_000, 3_000, 10_000, 60_000)

const acquire: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('acquire' as const),
  who,
  mode: fc.constantFrom('exclusive', 'exclusive', 'shared'),
  waitMs: fc.constantFrom(0, 1_000, 30_000),
  ifAvailable: fc.constantFrom(false, false, false, true),
  steal: fc.constantFrom<(Steal | null)[]>(null, null, null, null, 'safe', 'now'),
  leaseMs,
})

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: acquire },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), who, leaseMs: fc.option(leaseMs) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('attend' as const), who, attachMs: fc.constantFrom(0, 30_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 999, 4_999, 5_000, 20_000) }),
  },
)

test('whatever clients do, no two believe at once, waiters are served in order, and tokens grow', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const model = new StoreModel()
      for (const each of actions) await model.run(each)
      await model.end()
    }),
    { numRuns: 500 },
  )
}, 30_000)
