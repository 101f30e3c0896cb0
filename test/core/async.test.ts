import { describe, expect, it } from 'vitest'
import { onAbort } from '../../src/core/async.ts'

describe('a signal that many follow', () => {
  it('has one listener, so that Node does not warn of a leak, and none when nobody follows it', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => warnings.push(warning)
    process.on('warning', warned)
    const { signal } = new AbortController()
    const stops = Array.from({ length: 100 }, () => onAbort(signal, () => {}))
    for (const stop of stops) stop()
    await new Promise((resume) => setImmediate(resume))
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })

  it('tells all of them in the order in which they came, but for those that have stopped', () => {
    const controller = new AbortController()
    const told: number[] = []
    const stops = [1, 2, 3, 4].map((each) => onAbort(controller.signal, () => told.push(each)))
    stops[1]?.()
    controller.abort()
    stops[2]?.()
    expect(told).toEqual([1, 3, 4])
  })

  it('tells again who begins to follow it anew, and at once who comes too late', () => {
    const controller = new AbortController()
    onAbort(controller.signal, () => {})()
    let told = 0
    onAbort(controller.signal, () => {
      told += 1
    })
    controller.abort()
    onAbort(controller.signal, () => {
      told += 1
    })
    expect(told).toBe(2)
  })
})
