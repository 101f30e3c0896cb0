import { describe, expect, it } from 'vitest'
import { type LogFilter, logLines, MAX_LINES } from '../../src/devtools/log-filter.ts'
import { listRows } from '../../src/devtools/rows.ts'
import { createTrace } from '../../src/devtools/trace.ts'
import { fakeClient, happened } from './fake-client.ts'

const ALL: LogFilter = { selectedOnly: false, routine: true, problemsOnly: false }

function story() {
  const fake = fakeClient()
  fake.emit({ type: 'dialect', dialect: 'owned' })
  fake.emit(happened.started('1', 'a'))
  fake.emit(happened.granted('1', 'a'))
  fake.emit(happened.started('2', 'b'))
  fake.emit(happened.sent('1', 'a'))
  fake.emit(happened.renewed('1', 'a'))
  fake.emit(happened.failed('1', 'a'))
  const trace = createTrace([{ client: fake.client, label: '' }])
  const { events, clients } = trace.getState()
  return { fake, events, rows: listRows(clients, new Set()) }
}

const words = (filter: Partial<LogFilter>, index?: number) => {
  const { events, rows } = story()
  const selected = index === undefined ? undefined : rows[index]
  return logLines(events, { ...ALL, ...filter }, selected).map(({ word }) => word)
}

describe('the log', () => {
  it('tells all that happened, oldest first', () => {
    expect(words({})).toEqual(['server', 'acquire', 'granted', 'acquire', 'heartbeat', 'renewed', 'heartbeat failed'])
  })

  it('leaves out heartbeats that went well, never those that failed', () => {
    expect(words({ routine: false })).toEqual(['server', 'acquire', 'granted', 'acquire', 'heartbeat failed'])
  })

  it('shows the selected lock with what concerns every lock', () => {
    expect(words({ selectedOnly: true }, 1)).toEqual(['server', 'acquire'])
    expect(words({ selectedOnly: true })).toHaveLength(7)
  })

  it('shows only what went wrong', () => {
    expect(words({ problemsOnly: true })).toEqual(['heartbeat failed'])
    expect(words({ problemsOnly: true, selectedOnly: true }, 1)).toEqual([])
  })

  it('tells a place in line once, until it changes', () => {
    const fake = fakeClient()
    for (const position of [2, 2, 1, 1, 1]) fake.emit(happened.waiting('1', 'a', position))
    const { events } = createTrace([{ client: fake.client, label: '' }]).getState()
    const texts = logLines(events, { ...ALL, routine: false }, undefined).map(({ text }) => text)
    expect(texts).toEqual(['2nd in line; Alice holds', '1st in line; Alice holds'])
    expect(logLines(events, ALL, undefined)).toHaveLength(5)
  })

  it('is bounded, and keeps the newest', () => {
    const { fake } = story()
    for (let index = 0; index < MAX_LINES + 50; index++) fake.emit(happened.renewed('1', 'a'))
    const { events } = createTrace([{ client: fake.client, label: '' }]).getState()
    const lines = logLines(events, ALL, undefined)
    expect(lines).toHaveLength(MAX_LINES)
    expect(lines.at(-1)?.event.seq).toBe(fake.client.history().length)
    expect(new Set(lines.map(({ key }) => key)).size).toBe(MAX_LINES)
  })
})
