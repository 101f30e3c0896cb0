import { describe, expect, it } from 'vitest'
import { countdown, duration, ordinal, personOf, place, setting, timeOfDay } from '../../src/devtools/format.ts'
import { START } from './fake-client.ts'

describe('durations', () => {
  it.each([
    [-5, '0 ms'],
    [840, '840 ms'],
    [999.6, '999 ms'],
    [1000, '1.0 s'],
    [9_449, '9.4 s'],
    [59_999, '59.9 s'],
    [60_000, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [11_220_000, '3 h 07 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  it('never shows more of a lease than is left', () => {
    expect(countdown(11_999)).toBe('11.9 s')
    expect(countdown(99)).toBe('0.0 s')
    expect(countdown(-1)).toBe('0.0 s')
  })

  it('shows a setting without a needless decimal', () => {
    expect(setting(12_000)).toBe('12 s')
    expect(setting(1500)).toBe('1.5 s')
    expect(setting(60_000)).toBe('1 min')
    expect(setting(500)).toBe('500 ms')
  })

  it('shows the local time of day', () => {
    expect(timeOfDay(START + 4)).toBe('14:00:00')
    expect(timeOfDay(START + 4, true)).toBe('14:00:00.004')
  })
})

describe('places in line', () => {
  it.each([
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [4, '4th'],
    [11, '11th'],
    [12, '12th'],
    [21, '21st'],
    [111, '111th'],
  ])('%d is %s', (position, text) => {
    expect(ordinal(position)).toBe(text)
  })

  it('says that there is no queue by not counting', () => {
    expect(place(null)).toBe('waiting')
    expect(place(2)).toBe('2nd in line')
  })
})

describe('people', () => {
  it.each([
    [null, 'somebody'],
    ['', 'somebody'],
    ['Alice', 'Alice'],
    [{ name: 'Alice', tab: 3 }, 'Alice'],
    [{ id: 'u-7' }, 'u-7'],
    [{ pid: 7 }, '{"pid":7}'],
    [{}, '{}'],
    [['a', 1], '["a",1]'],
    [42, '42'],
    ['x'.repeat(60), `${'x'.repeat(39)}…`],
  ])('%j is %s', (info, text) => {
    expect(personOf(info)).toBe(text)
  })
})
