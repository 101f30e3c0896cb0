import { expect, it } from 'vitest'
import { EventLog } from '../../src/core/event-log.ts'
import type { LockableEvent } from '../../src/core/events.ts'

function log(): EventLog {
  const clock = { now: () => 0, wall: () => 0 }
  return new EventLog({ ...clock, reportException: () => {} } as unknown as ConstructorParameters<typeof EventLog>[0])
}

it('tells what was kept back to those who listened then, and to nobody who has it from the history', () => {
  const events = log()
  const heard: LockableEvent[] = []
  events.subscribe((event) => heard.push(event))
  events.pause()
  events.emit({ type: 'page.visible' })
  const known = events.history()
  const late: LockableEvent[] = []
  events.subscribe((event) => late.push(event))
  events.emit({ type: 'page.hidden' })
  expect(heard).toEqual([])
  events.resume()
  expect(heard.map(({ type }) => type)).toEqual(['page.visible', 'page.hidden'])
  expect([...known, ...late].map(({ type }) => type)).toEqual(['page.visible', 'page.hidden'])
})
