import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ANNOUNCE_EVERY_MS, announcement, createAnnouncer } from '../../src/devtools/announcer.ts'
import type { EventBody } from '../../src/index.ts'
import { happened } from './fake-client.ts'

describe('announcements', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('are made at once, then at most every five seconds, of the newest', () => {
    const said: string[] = []
    const { announce } = createAnnouncer((text) => said.push(text))
    announce('one')
    announce('two')
    announce('three')
    expect(said).toEqual(['one'])
    vi.advanceTimersByTime(ANNOUNCE_EVERY_MS)
    expect(said).toEqual(['one', 'three'])
    vi.advanceTimersByTime(ANNOUNCE_EVERY_MS * 2)
    announce('four')
    expect(said).toEqual(['one', 'three', 'four'])
  })

  it('leave no timer behind', () => {
    const { announce, stop } = createAnnouncer(() => {})
    announce('one')
    announce('two')
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each<[EventBody, string | null]>([
    [happened.granted('1', 'doc'), 'doc is held.'],
    [happened.lost('1', 'doc'), 'doc was lost: Bob took over.'],
    [happened.health('1', 'doc', 'late'), 'doc is late.'],
    [happened.health('1', 'doc', 'ok'), null],
    [happened.renewed('1', 'doc'), null],
  ])('of %j say %s', (body, text) => {
    expect(announcement({ v: 1, seq: 1, at: 0, wall: 0, ...body })).toBe(text)
  })
})
