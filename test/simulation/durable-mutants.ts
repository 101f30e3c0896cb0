import { Journal } from '../../src/server/stores/durable/journal.ts'
import { JournalledLedger } from '../../src/server/stores/durable/journalled-ledger.ts'
import type { Mutant } from './mutant.ts'
import type { StoreKind } from './plan.ts'
import { replaced } from './replaced.ts'

const comingBack = { dialect: 'owned', world: { stores: ['durable'] satisfies StoreKind[] } } as const

/** One for each thing that must be on disk before anybody hears of it. */
export const DURABLE_MUTANTS: readonly Mutant[] = [
  {
    ...comingBack,
    name: 'a grant is answered before it is on disk',
    rules: ['forgotten promise'],
    within: 300,
    tweaks: { patch: () => replaced(Journal.prototype, 'settled', () => () => null) },
  },
  {
    ...comingBack,
    name: 'a grant is not written',
    rules: ['forgotten promise'],
    within: 300,
    tweaks: { patch: () => replaced(JournalledLedger.prototype, 'granted', () => () => {}) },
  },
  {
    ...comingBack,
    name: 'a longer lease is not written',
    rules: ['forgotten promise'],
    within: 300,
    tweaks: { patch: () => replaced(JournalledLedger.prototype, 'extended', () => () => {}) },
  },
  {
    ...comingBack,
    name: 'only the first seq is written',
    rules: ['forgotten promise'],
    within: 300,
    tweaks: { patch: onlyTheFirstSeq },
  },
]

function onlyTheFirstSeq(): () => void {
  const known = new Set<string>()
  return replaced(
    JournalledLedger.prototype,
    'attempted',
    (attempted) =>
      function (this: JournalledLedger, session) {
        if (!known.has(session.id)) attempted.call(this, session)
        known.add(session.id)
      },
  )
}
