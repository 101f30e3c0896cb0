import { describe, expect, it } from 'vitest'
import type { EventBody } from '../../src/index.ts'
import { fold, heldUnder, initialState, type LockStoreState, lockOf, statusOf } from '../../src/store/index.ts'
import { event, stamped } from './make-events.ts'

function folded(...bodies: EventBody[]): LockStoreState {
  return stamped(bodies).reduce(fold, initialState)
}

/** The state before and after the last of `bodies`. */
function lastStep(...bodies: EventBody[]): { before: LockStoreState; after: LockStoreState } {
  const events = stamped(bodies)
  const before = events.slice(0, -1).reduce(fold, initialState)
  return { before, after: events.slice(-1).reduce(fold, before) }
}

describe('the phases of a lock', () => {
  it('is acquiring from acquire() on', () => {
    expect(lockOf(folded(event.started({ mode: 'shared' })), '1')).toMatchObject({
      id: '1',
      name: 'doc:42',
      mode: 'shared',
      phase: 'acquiring',
      phaseSince: 1_000_000,
      lease: null,
    })
  })

  it('is blocked and queued while somebody else holds, with its place and who holds', () => {
    const lock = lockOf(folded(event.started(), event.waiting(2, 'Alice')), '1')
    expect(lock).toMatchObject({ phase: 'blocked', queued: true, position: 2, phaseSince: 1_000_001 })
    expect(lock?.holders.map(({ info }) => info)).toEqual(['Alice'])
    expect(lock?.holdersAt).toBe(1_000_001)
  })

  it('stays blocked since it was, however often it is told so', () => {
    const lock = lockOf(folded(event.started(), event.waiting(2), event.waiting(1, 'Bob')), '1')
    expect(lock).toMatchObject({ phase: 'blocked', position: 1, phaseSince: 1_000_001, holdersAt: 1_000_002 })
    expect(lock?.holders.map(({ info }) => info)).toEqual(['Bob'])
  })

  it('is blocked without a place when it does not queue', () => {
    const holders = [{ info: 'Alice', mode: 'exclusive', since_ms: 0, expires_in_ms: 1 }] as const
    const lock = lockOf(folded(event.started(), event.ended('could-not-acquire', { holders })), '1')
    expect(lock).toMatchObject({ phase: 'blocked', queued: false, position: null, holders })
    expect(lock?.error?.code).toBe('could-not-acquire')
  })

  it('is failed when acquire() rejects with another error', () => {
    const lock = lockOf(folded(event.started(), event.waiting(), event.ended('timeout')), '1')
    expect(lock).toMatchObject({ phase: 'failed', queued: false, position: null, error: { code: 'timeout' } })
  })

  it('is idle, and gone, when the caller gave up', () => {
    expect(folded(event.started(), event.waiting(), event.ended('aborted')).locks).toEqual({})
  })

  it('is held with all that the grant says', () => {
    expect(lockOf(folded(event.started(), event.waiting(), event.granted()), '1')).toMatchObject({
      phase: 'held',
      health: 'ok',
      lease: '2',
      fencingToken: 7,
      leaseMs: 60_000,
      heldSince: 1_000_002,
      queued: false,
      position: null,
      holders: [],
      holdersAt: null,
    })
  })

  it('is lost until the next acquire(), with the loss', () => {
    const lost = folded(event.started(), event.granted(), event.lost())
    expect(lockOf(lost, '1')).toMatchObject({ phase: 'lost', health: null, lease: '2', loss: { cause: 'offline' } })
    const again = stamped([event.started()], 2_000_000).reduce(fold, lost)
    expect(lockOf(again, '1')).toMatchObject({ phase: 'acquiring', loss: null, lease: null })
  })

  it('is gone when it was released', () => {
    expect(folded(event.started(), event.granted(), event.released()).locks).toEqual({})
  })
})

describe('while held', () => {
  it('follows the health', () => {
    expect(lockOf(folded(event.granted(), event.health('offline')), '1')?.health).toBe('offline')
    expect(lockOf(folded(event.granted(), event.health('offline'), event.health('ok')), '1')?.health).toBe('ok')
  })

  it('knows its end by the wall clock, and keeps it while it is repeated', () => {
    const { before, after } = lastStep(event.granted(), event.ending(), event.ending())
    expect(lockOf(after, '1')?.ending).toEqual({ reason: 'stolen', successor: 'Bob', endsAt: 1_010_001 })
    expect(after).toBe(before)
  })

  it('knows a new reason for its end', () => {
    expect(lockOf(folded(event.granted(), event.ending(), event.ending('revoked')), '1')?.ending?.reason).toBe(
      'revoked',
    )
  })

  it('knows whether its heartbeats are withheld', () => {
    expect(lockOf(folded(event.granted(), event.paused()), '1')?.paused).toBe(true)
    expect(lockOf(folded(event.granted(), event.paused(), event.paused(false)), '1')?.paused).toBe(false)
  })
})

describe('the same state', () => {
  it.each<[string, EventBody[]]>([
    ['a heartbeat', [event.granted(), event.beat()]],
    ['a heartbeat that goes out', [event.granted(), { type: 'heartbeat.sent', lock: '1', name: 'doc:42', lease: '2' }]],
    ['a request', [event.started(), event.sent()]],
    ['the same health', [event.granted(), event.health('late'), event.health('late')]],
    [
      'the same dialect',
      [
        { type: 'dialect', dialect: 'owned' },
        { type: 'dialect', dialect: 'owned' },
      ],
    ],
    ['a tick', [{ type: 'worker.tick' }]],
    ['health of another lease', [event.granted(), event.health('late', '9')]],
    ['the loss of another lease', [event.granted(), event.lost({ lease: '9' })]],
    ['the release of another lease', [event.granted(), event.released('9')]],
    ['a loss of what was never seen to begin', [event.lost()]],
    ['a wait of what was never seen to begin', [event.waiting()]],
    ['the end of what was never seen to begin', [event.ended('timeout')]],
    ['health after the loss', [event.granted(), event.lost(), event.health('ok')]],
  ])('after %s', (_, bodies) => {
    const { before, after } = lastStep(...bodies)
    expect(after).toBe(before)
  })

  it('keeps the snapshots of other locks', () => {
    const { before, after } = lastStep(
      event.granted(),
      event.started({ lock: '3', name: 'doc:43' }),
      event.waiting(),
      event.granted({ lock: '3', name: 'doc:43', lease: '4' }),
    )
    expect(lockOf(after, '1')).toBe(lockOf(before, '1'))
    expect(lockOf(after, '3')).not.toBe(lockOf(before, '3'))
  })

  it('freezes what it hands out', () => {
    const state = folded(event.granted(), event.status('doc:42', 'Alice'))
    expect(Object.isFrozen(lockOf(state, '1'))).toBe(true)
    expect(Object.isFrozen(statusOf(state, 'doc:42'))).toBe(true)
  })
})

describe('the connection', () => {
  it('knows dialect, thread, network, visibility and the end', () => {
    expect(
      folded(
        { type: 'dialect', dialect: 'classic' },
        { type: 'heartbeat.thread', thread: 'page', reason: 'blocked by a CSP' },
        { type: 'page.offline' },
        { type: 'page.hidden' },
        { type: 'client.closed' },
      ).connection,
    ).toEqual({
      dialect: 'classic',
      thread: 'page',
      threadReason: 'blocked by a CSP',
      online: false,
      visible: false,
      closed: true,
    })
  })

  it('knows when network and page are back', () => {
    const { connection } = folded(
      { type: 'page.offline' },
      { type: 'page.hidden' },
      { type: 'page.online' },
      { type: 'page.visible' },
    )
    expect(connection).toEqual(initialState.connection)
  })
})

describe('watched names', () => {
  it('knows the last word and when it was said', () => {
    const state = folded(event.status('doc:1', null), event.status('doc:1', 'Alice'))
    expect(statusOf(state, 'doc:1')).toMatchObject({ state: 'held', waiters: 0, seenAt: 1_000_001 })
  })

  it.each(['__proto__', 'constructor', 'toString'])('can be called %s', (name) => {
    expect(statusOf(initialState, name)).toBeUndefined()
    const state = folded(event.status(name, 'Alice'), event.status('doc:1', null))
    expect(statusOf(state, name)?.holders[0]?.info).toBe('Alice')
    expect(Object.keys(state.statuses)).toEqual([name, 'doc:1'])
  })

  it('lets the same lock be found under its name while it is held', () => {
    const state = folded(event.started(), event.granted(), event.started({ lock: '3', name: 'doc:42' }))
    expect(heldUnder(state, 'doc:42').map(({ id }) => id)).toEqual(['1'])
    expect(heldUnder(state, 'doc:43')).toEqual([])
  })
})

describe('growth', () => {
  it('forgets the longest lost of more than 100 locks that are over, and none where something goes on', () => {
    const over = Array.from({ length: 130 }, (_, index): EventBody[] => [
      event.started({ lock: `over-${index}`, name: `over-${index}` }),
      event.ended('timeout', { lock: `over-${index}`, name: `over-${index}` }),
    ])
    const { locks } = folded(event.granted(), event.started({ lock: '3' }), ...over.flat())
    expect(Object.keys(locks)).toHaveLength(102)
    expect(Object.keys(locks)).toEqual(expect.arrayContaining(['1', '3', 'over-30', 'over-129']))
    expect(Object.keys(locks)).not.toContain('over-29')
  })

  it('goes by when a lock was over, not by when it was made', () => {
    const others = Array.from({ length: 99 }, (_, index) => index).flatMap((index) => [
      event.started({ lock: `over-${index}` }),
      event.ended('timeout', { lock: `over-${index}` }),
    ])
    const { locks } = folded(
      event.started({ lock: 'old' }),
      ...others,
      event.ended('timeout', { lock: 'old' }),
      event.started({ lock: 'new' }),
      event.ended('timeout', { lock: 'new' }),
    )
    expect(Object.keys(locks)).toHaveLength(100)
    expect(Object.keys(locks)).toContain('old')
    expect(Object.keys(locks)).not.toContain('over-0')
  })

  it('forgets the names that were seen longest ago, of more than 500', () => {
    const seen = Array.from({ length: 501 }, (_, index) => event.status(`doc:${index}`, null))
    const { statuses } = folded(...seen.slice(0, 500), event.status('doc:0', 'Alice'), ...seen.slice(500))
    expect(Object.keys(statuses)).toHaveLength(500)
    expect(Object.keys(statuses)).toContain('doc:0')
    expect(Object.keys(statuses)).not.toContain('doc:1')
  })
})
