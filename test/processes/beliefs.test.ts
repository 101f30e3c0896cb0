import { expect, it } from 'vitest'
import { beliefsIn, contradictions } from './beliefs.ts'
import type { Told } from './tale.ts'

const NAME = { name: 'n', lease: '1' }

function grant(
  who: number,
  token: number,
  at: number,
  until: number,
  mode: 'exclusive' | 'shared' = 'exclusive',
): Told {
  return { event: 'granted', mode, at, who, token, until, ...NAME }
}

it('ends a belief at its certain end, or before it with a release or a loss that was told', () => {
  const tale: Told[] = [
    grant(1, 1, 0, 100),
    { event: 'renewed', at: 50, who: 1, until: 150, ...NAME },
    grant(2, 2, 160, 260),
    { event: 'releasing', at: 180, who: 2, ...NAME },
    grant(3, 3, 180, 280),
    { event: 'aborted', at: 400, who: 3, answers: {}, ...NAME },
    grant(4, 4, 300, 300),
  ]
  expect(beliefsIn(tale).map(({ who, from, until }) => [who, from, until])).toEqual([
    [1, 0, 150],
    [2, 160, 180],
    [3, 180, 280],
  ])
  expect(contradictions(beliefsIn(tale))).toEqual([])
})

it('finds two beliefs that overlap, though another one lies between their beginnings', () => {
  const tale = [grant(1, 1, 0, 100), grant(2, 2, 20, 30), grant(3, 3, 90, 190)]
  expect(contradictions(beliefsIn(tale))).toHaveLength(2)
})

it('finds a lease that says that it is held when it should no longer', () => {
  const tale: Told[] = [grant(1, 1, 0, 100), { event: 'still', at: 120, who: 1, ...NAME }, grant(2, 2, 110, 200)]
  expect(contradictions(beliefsIn(tale))).toHaveLength(1)
})

it('finds a fencing token that is no larger than an earlier one', () => {
  const tale = [grant(1, 2, 0, 100), grant(2, 2, 110, 200), grant(3, 1, 210, 300)]
  expect(contradictions(beliefsIn(tale))).toHaveLength(3)
})

it('finds nothing in beliefs that are shared, but two when one of them is not', () => {
  const shared = [grant(1, 2, 0, 100, 'shared'), grant(2, 1, 20, 130, 'shared')]
  expect(contradictions(beliefsIn(shared))).toEqual([])
  expect(contradictions(beliefsIn([...shared, grant(3, 3, 110, 200)]))).toHaveLength(1)
})
