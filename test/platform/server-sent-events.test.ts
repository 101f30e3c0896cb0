import { describe, expect, it } from 'vitest'
import { ServerSentEvents } from '../../src/platform/server-sent-events.ts'

function heardOf(...pieces: string[]): (string | null)[] {
  const heard: (string | null)[] = []
  const events = new ServerSentEvents((data) => heard.push(data))
  for (const piece of pieces) events.push(piece)
  return heard
}

describe('server-sent events', () => {
  it('are heard when they are whole, however they were cut', () => {
    const text = 'id: 1\ndata: {"a":1}\n\n:\n\ndata: {"b":2}\n\n'
    const whole = heardOf(text)
    expect(whole).toEqual(['{"a":1}', null, '{"b":2}'])
    for (let cut = 0; cut <= text.length; cut += 1) expect(heardOf(text.slice(0, cut), text.slice(cut))).toEqual(whole)
    expect(heardOf(...text)).toEqual(whole)
  })

  it('may end their lines in any of three ways', () => {
    const text = 'data: a\n\ndata: b\n\n: sign of life\n\n'
    expect(heardOf(...text.replaceAll('\n', '\r\n'))).toEqual(['a', 'b', null])
    expect(heardOf(text.replaceAll('\n', '\r'), 'data')).toEqual(['a', 'b', null])
  })

  it('may have several lines of data, and members that are not known', () => {
    expect(heardOf('event: x\nretry: 5\ndata: a\ndata:b\n\n')).toEqual(['a\nb'])
  })

  it('are not heard while they are not whole, or without data', () => {
    expect(heardOf('data: a\n')).toEqual([])
    expect(heardOf('id: 1\n\n')).toEqual([])
  })
})
