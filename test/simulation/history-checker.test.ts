import { describe, expect, it } from 'vitest'
import { findImpossible, type HistoryOperation } from './history-checker.ts'

/** An operation as short as a test can say it; the client is called as its owner without the number. */
function operation(
  kind: HistoryOperation['kind'],
  owner: string,
  [invokedAt, returnedAt]: readonly [number, number | null],
  outcome: HistoryOperation['outcome'],
  { mode = 'exclusive' as const, name = 'a' }: { mode?: HistoryOperation['mode']; name?: string } = {},
): HistoryOperation {
  return { client: owner.replace(/\d+$/, ''), name, kind, owner, mode, invokedAt, returnedAt, outcome }
}

type Span = readonly [number, number | null]
type Options = { mode?: HistoryOperation['mode']; name?: string }

const granted = (owner: string, span: Span, fencingToken: number, heldUntil: number, options: Options = {}) =>
  operation('acquire', owner, span, { kind: 'granted', fencingToken, heldUntil }, options)
const renewed = (owner: string, span: Span, heldUntil: number) =>
  operation('renew', owner, span, { kind: 'renewed', heldUntil })
const renewalRefused = (owner: string, span: Span) => operation('renew', owner, span, { kind: 'refused' })
const released = (owner: string, span: Span) => operation('release', owner, span, { kind: 'released' })
const unanswered = (kind: HistoryOperation['kind'], owner: string, at: number) =>
  operation(kind, owner, [at, null], { kind: 'unknown' })

describe('a history is possible', () => {
  const possible: Record<string, HistoryOperation[]> = {
    'of nothing': [],
    'when one comes after the other': [
      granted('x1', [0, 1], 1, 10),
      released('x1', [5, 6]),
      granted('y1', [6, 7], 2, 20),
    ],
    'when the next is granted while the release is under way, though it asked before': [
      granted('x1', [0, 1], 1, 100),
      granted('y1', [2, 6], 2, 100),
      released('x1', [5, 9]),
    ],
    'when a lease ends by time': [granted('x1', [0, 1], 1, 10), granted('y1', [2, 11], 2, 20)],
    'when a lease is renewed after its certain end, while nobody else has it': [
      granted('x1', [0, 1], 1, 10),
      renewed('x1', [12, 13], 30),
      granted('y1', [14, 31], 2, 40),
    ],
    'when a release that was never answered was carried out': [
      granted('x1', [0, 1], 1, 100),
      unanswered('release', 'x1', 5),
      granted('y1', [6, 7], 2, 20),
    ],
    'when a release that was never answered was not carried out': [
      granted('x1', [0, 1], 1, 100),
      unanswered('release', 'x1', 5),
      granted('y1', [6, 101], 2, 200),
    ],
    'when shared holders hold together': [
      granted('x1', [0, 1], 1, 100, { mode: 'shared' }),
      granted('y1', [0, 1], 2, 100, { mode: 'shared' }),
      granted('z1', [2, 100], 3, 200),
    ],
    'when two names are held at once, with tokens that have nothing to do with each other': [
      granted('x1', [0, 1], 9, 100),
      granted('y1', [2, 3], 5, 100, { name: 'b' }),
    ],
    'when grants that were asked for at once take effect in the order of their tokens': [
      granted('x1', [0, 20], 2, 30),
      granted('y1', [1, 2], 1, 10),
    ],
    'when somebody renews who was never told of the grant': [
      unanswered('acquire', 'x1', 0),
      renewed('x1', [5, 6], 20),
      granted('y1', [7, 20], 3, 40),
    ],
    'when the server says no after the certain end': [
      granted('x1', [0, 1], 1, 10),
      renewalRefused('x1', [9, 11]),
      granted('y1', [9, 10], 2, 20),
    ],
    'when who never got it is told so': [
      operation('acquire', 'y1', [2, 3], { kind: 'refused' }),
      granted('x1', [0, 1], 1, 10),
      operation('release', 'y1', [3, 4], { kind: 'refused' }),
    ],
  }
  it.each(Object.entries(possible))('%s', (_, operations) => {
    expect(findImpossible(operations)).toBeNull()
    expect(findImpossible([...operations].reverse())).toBeNull()
  })

  it('when a server without a memory refuses to renew, and grants to nobody else in time', () => {
    const operations = [granted('x1', [0, 1], 1, 100), renewalRefused('x1', [5, 6]), granted('y1', [7, 100], 2, 200)]
    expect(findImpossible(operations, { mayForget: true })).toBeNull()
    expect(findImpossible(operations)).toContain('renew of "a" by x for x1 (5 to 6) was refused')
  })

  it('of many concurrent clients, and is found so in a moment', () => {
    const operations = Array.from({ length: 150 }, (_, index) => {
      const at = index * 10
      return [
        // Each asks long before its turn.
        granted(`x${index}`, [Math.max(0, at - 300), at + 1], index + 1, at + 9),
        renewed(`x${index}`, [at + 2, at + 5], at + 9.5),
        released(`x${index}`, [at + 8, at + 40]),
      ]
    }).flat()
    expect(findImpossible(operations)).toBeNull()
  })
})

describe('a history is impossible', () => {
  const impossible: Record<string, [HistoryOperation[], string]> = {
    'when two are granted at once': [
      [granted('x1', [0, 1], 1, 10), granted('y1', [2, 9], 2, 20)],
      'though x1 held it with token 1 until 10',
    ],
    'when a shared one is granted beside an exclusive one': [
      [granted('x1', [0, 1], 1, 10), granted('y1', [2, 9], 2, 20, { mode: 'shared' })],
      'though x1 held it with token 1 until 10',
    ],
    'when a renewal is not respected': [
      [granted('x1', [0, 1], 1, 10), renewed('x1', [5, 6], 20), granted('y1', [7, 15], 2, 40)],
      'until 20',
    ],
    'when a token goes back': [
      [granted('x1', [0, 1], 2, 10), released('x1', [2, 3]), granted('y1', [4, 5], 1, 10)],
      'with token 2 before token 1',
    ],
    'when a token is given twice': [
      [granted('x1', [0, 1], 2, 10), released('x1', [2, 3]), granted('y1', [4, 5], 2, 10)],
      'with token 2 after token 2',
    ],
    'when somebody renews after somebody else was granted': [
      [granted('x1', [0, 1], 1, 10), granted('y1', [2, 11], 2, 20), renewed('x1', [12, 13], 30)],
      'renew of "a" by x for x1 (12 to 13) was renewed, though it did not hold it any more',
    ],
    'when a release of somebody else frees it': [
      [granted('x1', [0, 1], 1, 100), released('z1', [5, 6]), granted('y1', [7, 8], 2, 100)],
      'though x1 held it',
    ],
    'when a release that was sent later frees it': [
      [granted('x1', [0, 1], 1, 100), granted('y1', [2, 3], 2, 100), released('x1', [5, 6])],
      'though x1 held it',
    ],
    'when an owner is granted after its release': [
      [released('x1', [0, 1]), granted('x1', [2, 3], 1, 10)],
      'though this owner was over',
    ],
    'when a lease is over before its certain end': [
      [granted('x1', [0, 1], 1, 100), renewalRefused('x1', [5, 6])],
      'though it held it until 100',
    ],
    'when somebody renews what it never asked for': [[renewed('x1', [5, 6], 20)], 'did not hold it'],
    'when the same owner gets another token': [
      [granted('x1', [0, 1], 1, 100), granted('x1', [2, 3], 2, 100)],
      'though it held it with 1',
    ],
    'on one name of several': [
      [granted('x1', [0, 1], 1, 100, { name: 'b' }), granted('y1', [0, 1], 2, 100), granted('z1', [2, 3], 3, 100)],
      'acquire of "a" by z',
    ],
  }
  it.each(Object.entries(impossible))('%s', (_, [operations, why]) => {
    expect(findImpossible(operations)).toContain(why)
    expect(findImpossible([...operations].reverse())).toContain(why)
    expect(findImpossible(operations, { mayForget: true }) === null).toBe(why === 'though it held it until 100')
  })
})
