import { describe, expect, it } from 'vitest'
import { describeEvent } from '../../src/devtools/describe-event.ts'
import type { EventBody, LockableEvent } from '../../src/index.ts'
import { happened } from './fake-client.ts'

const told = (body: EventBody) => {
  const { tone, word, text } = describeEvent({ v: 1, seq: 1, at: 0, wall: 0, ...body })
  return `${tone}: ${word}${text && ` ${text}`}`
}

describe('describeEvent', () => {
  it.each<[EventBody, string]>([
    [happened.started('1', 'doc'), 'plain: acquire'],
    [
      { ...happened.started('1', 'doc'), steal: 'safe' } as EventBody,
      'plain: take over when the lease of the holder ends',
    ],
    [happened.waiting('1', 'doc', 2), 'plain: waiting 2nd in line; Alice holds'],
    [happened.ended('1', 'doc', 'No.'), 'warn: not acquired No.'],
    [happened.granted('1', 'doc'), 'good: granted lease 12 s, token 41'],
    [
      { ...happened.granted('1', 'doc'), fencingToken: null, waitedMs: 3100, claim: true } as EventBody,
      'good: granted lease 12 s, after 3.1 s in line, to be confirmed by a heartbeat',
    ],
    [happened.renewed('1', 'doc'), 'quiet: renewed in 12 ms, 11.6 s certain'],
    [happened.failed('1', 'doc'), 'bad: heartbeat failed No answer. 7.4 s left.'],
    [happened.health('1', 'doc', 'late'), 'warn: late 7.4 s left'],
    [happened.health('1', 'doc', 'ok'), 'good: on time again'],
    [happened.ending('1', 'doc'), 'warn: ending Bob takes over in 8.0 s'],
    [happened.lost('1', 'doc'), 'bad: lost Bob took over.'],
    [{ type: 'page.frozen' }, 'warn: page frozen'],
    [{ type: 'page.stalled', ms: 3_100 }, 'warn: page blocked for 3.1 s, its worker was not'],
    [{ type: 'page.suspended', ms: 9_000 }, 'warn: page stood still for 9.0 s, with its worker'],
    [{ type: 'worker.lost', reason: 'it crashed' }, 'warn: worker lost: it crashed'],
    [
      { type: 'heartbeat.thread', thread: 'page', reason: 'Workers are forbidden.' },
      'warn: heartbeats sent from the page: Workers are forbidden.',
    ],
  ])('tells %j', (body, line) => {
    expect(told(body)).toBe(line)
  })

  it('survives a type that a later version may add', () => {
    const event = { v: 1, seq: 1, at: 0, wall: 0, type: 'lease.polished' } as unknown as LockableEvent
    expect(describeEvent(event)).toEqual({ tone: 'quiet', word: 'lease.polished', text: '' })
  })
})
