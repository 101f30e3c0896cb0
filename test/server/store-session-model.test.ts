import fc from 'fast-check'
import { test } from 'vitest'
import type { Steal } from '../../src/protocol/wire.ts'
import { NAMES, type SessionAction, SessionModel } from './store-session-model.ts'

const who = fc.nat({ max: 2 })
const slot = fc.nat({ max: 2 })
const confirm = fc.boolean()
const wanted = {
  name: fc.constantFrom(...NAMES),
  mode: fc.constantFrom('exclusive' as const, 'exclusive' as const, 'shared' as const),
  ifAvailable: fc.constantFrom(false, false, false, true),
  steal: fc.constantFrom<(Steal | null)[]>(null, null, null, null, null, 'safe', 'now'),
}

function is<Do extends SessionAction['do']>(action: Do): fc.Arbitrary<Do> {
  return fc.constant(action)
}

const action: fc.Arbitrary<SessionAction> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: is('acquire'), who, slot, confirm, ...wanted }) },
  { weight: 3, arbitrary: fc.record({ do: is('release'), who, slot, beside: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('beat' as const, 'poll' as const), who, confirm }) },
  { weight: 1, arbitrary: fc.record({ do: is('attend'), who, attachMs: fc.constantFrom(0, 1_000, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ do: is('end'), who }) },
  { weight: 2, arbitrary: fc.record({ do: is('single'), who, waitMs: fc.constantFrom(0, 1_000, 30_000), ...wanted }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('renew' as const, 'give-up' as const), who }) },
  { weight: 5, arbitrary: fc.record({ do: is('advance'), ms: fc.constantFrom(1, 999, 2_500, 4_999, 5_000, 9_999) }) },
)

test('whatever sessions and single owners do, no two believe at once, and waiters are served in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const model = new SessionModel()
      for (const each of actions) await model.run(each)
      await model.end()
    }),
    { numRuns: 1_000 },
  )
}, 60_000)
