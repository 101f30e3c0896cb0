import { describe, expect, it } from 'vitest'
import { dismissal, listRows, type Row, selectedRow, summary } from '../../src/devtools/rows.ts'
import { createTrace, type Trace } from '../../src/devtools/trace.ts'
import type { EventBody } from '../../src/index.ts'
import { fakeClient, happened, START } from './fake-client.ts'

function after(...bodies: EventBody[]): { trace: Trace; rows: (dismissed?: string[]) => readonly Row[] } {
  const { client, emit } = fakeClient()
  for (const body of bodies) emit(body)
  const trace = createTrace([{ client, label: '' }])
  return { trace, rows: (dismissed = []) => listRows(trace.getState().clients, new Set(dismissed)) }
}

const shown = (rows: readonly Row[]) => rows.map(({ lock, status }) => `${lock.id} ${lock.name} ${status}`)

describe('the list of locks', () => {
  it('says of each lock where it is, and how it fares while held', () => {
    const { rows } = after(
      happened.started('1', 'a'),
      happened.started('2', 'b'),
      happened.waiting('2', 'b', 2),
      happened.started('3', 'c'),
      happened.granted('3', 'c'),
      happened.started('4', 'd'),
      happened.granted('4', 'd'),
      happened.health('4', 'd', 'late'),
      happened.started('5', 'e'),
      happened.granted('5', 'e'),
      happened.ending('5', 'e'),
      happened.started('6', 'f'),
      happened.ended('6', 'f'),
    )
    expect(shown(rows())).toEqual(['1 a acquiring', '2 b waiting', '3 c held', '4 d late', '5 e ending', '6 f failed'])
    expect(rows().map(summary)).toEqual([
      'asking the server',
      '2nd in line · Alice holds',
      '',
      '',
      '',
      'It was given up.',
    ])
  })

  it('keeps a released lock, so that it can be taken again', () => {
    const { rows } = after(happened.started('1', 'a'), happened.granted('1', 'a'), happened.released('1', 'a'))
    expect(shown(rows())).toEqual(['1 a idle'])
  })

  it('keeps a lost lock until it is dismissed', () => {
    const { rows } = after(happened.started('1', 'a'), happened.granted('1', 'a'), happened.lost('1', 'a'))
    expect(shown(rows())).toEqual(['1 a lost'])
    expect(rows().map(summary)).toEqual([`taken over · 14:00:00`])
    expect(rows(rows().map(dismissal))).toEqual([])
  })

  it('shows a dismissed lock again when it is used again', () => {
    const once = [happened.started('1', 'a'), happened.granted('1', 'a'), happened.lost('1', 'a')]
    const dismissed = after(...once)
      .rows()
      .map(dismissal)
    const { rows } = after(...once, happened.started('1', 'a'))
    expect(shown(rows(dismissed))).toEqual(['1 a acquiring'])
  })

  it('drops a lost lock when its name is held again by another one', () => {
    const lost = [happened.started('1', 'a'), happened.granted('1', 'a'), happened.lost('1', 'a')]
    expect(shown(after(...lost, happened.started('2', 'a')).rows())).toEqual(['1 a lost', '2 a acquiring'])
    expect(shown(after(...lost, happened.started('2', 'a'), happened.granted('2', 'a')).rows())).toEqual(['2 a held'])
  })

  it('drops a released lock when its name is asked for again', () => {
    const { rows } = after(
      happened.started('1', 'a'),
      happened.granted('1', 'a'),
      happened.released('1', 'a'),
      happened.started('2', 'a'),
    )
    expect(shown(rows())).toEqual(['2 a acquiring'])
  })

  it('tells apart the locks of two clients that have the same ids', () => {
    const [alice, bob] = [fakeClient(), fakeClient()]
    alice.emit(happened.started('1', 'a'))
    bob.emit(happened.started('1', 'a'))
    const trace = createTrace([
      { client: alice.client, label: 'Alice' },
      { client: bob.client, label: 'Bob' },
    ])
    const rows = listRows(trace.getState().clients, new Set())
    expect(new Set(rows.map(({ key }) => key)).size).toBe(2)
    expect(rows.map(({ source }) => source.label)).toEqual(['Alice', 'Bob'])
  })
})

describe('the selected lock', () => {
  const lost = [happened.started('1', 'a'), happened.granted('1', 'a'), happened.lost('1', 'a')]
  const held = [happened.started('2', 'b'), happened.granted('2', 'b')]

  it('is the one that was chosen', () => {
    const rows = after(...lost, ...held).rows()
    expect(selectedRow(rows, rows[1]?.key ?? null)?.lock.id).toBe('2')
  })

  it('is a lost one if none was chosen, since that is what one opens the panel for', () => {
    expect(selectedRow(after(...held, ...lost).rows(), null)?.lock.id).toBe('1')
  })

  it('is else the one where something changed last', () => {
    const rows = after(...held, happened.started('3', 'c')).rows()
    expect(selectedRow(rows, 'gone')?.lock.id).toBe('3')
    expect(rows.at(-1)?.lock.phaseSince).toBeGreaterThan(START)
  })

  it('is none if there is none', () => {
    expect(selectedRow([], null)).toBeUndefined()
  })
})
