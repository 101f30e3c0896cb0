import { describe, expect, it } from 'vitest'
import { A_WHILE, LEASE, Scene, SOON, tabOf, wait } from '../support/tabs-scene.ts'
import { brings } from '../support/virtual-world.ts'

describe('the tabs of a browser that wait', () => {
  it('share one stream, and none of them polls', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const tabs = scene.tabs(10)
    for (const tab of tabs) wait(tab, 'a')
    await scene.time.advance(SOON)
    expect(scene.world.streams).toBe(1)
    expect(scene.streams.at(-1)).toHaveLength(10)
    expect(await scene.askedWithin(A_WHILE)).toBe(0)
    expect(scene.world.mostStreams).toBe(1)
    await scene.closeAll(tabs)
  })

  it('are told of their turn at once, each after the other', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    const tabs = scene.tabs(4)
    const order: number[] = []
    for (const [index, tab] of tabs.entries()) {
      void tab.acquire('a').then((lease) => {
        order.push(index)
        return lease.release()
      })
    }
    await scene.time.advance(A_WHILE)
    await held.release()
    await scene.time.advance(SOON)
    expect(order).toEqual([0, 1, 2, 3])
  })

  it('open it anew a few times only when many come at once', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const tabs = scene.tabs(20)
    for (const tab of tabs) {
      wait(tab, 'a')
      await scene.time.advance(2)
    }
    await scene.time.advance(SOON)
    expect(scene.streams.at(-1)).toHaveLength(20)
    expect(scene.streams.length).toBeLessThanOrEqual(3)
    await scene.closeAll(tabs)
  })

  it('are told as well of what happened before they announced themselves', async () => {
    const scene = new Scene()
    const [leader, follower] = [scene.tab(), scene.tab()]
    await scene.holder.acquire('b')
    const held = await scene.holder.acquire('a')
    wait(leader, 'b')
    await scene.time.advance(1_000)
    // Its first wait puts it on the stream, and its second begins with a reply that is older than the grant.
    const first = await scene.holder.acquire('c')
    const granted = follower.acquire('c')
    await scene.time.advance(SOON)
    await first.release()
    await scene.time.advance(10)
    await (await granted).release()
    scene.world.fault = (request) => (brings('acquire', request) ? { replyDelay: 100 } : {})
    const waiting = wait(follower, 'a')
    await scene.time.advance(50)
    await held.release()
    await scene.time.advance(50 + SOON)
    expect(waiting.isGranted).toBe(true)
    await scene.closeAll([leader, follower])
  })

  it('leave nothing open when nobody waits any more', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    const tabs = scene.tabs(3)
    const leases = tabs.map((tab) => tab.acquire('a', { mode: 'shared' }))
    await scene.time.advance(1_000)
    expect(scene.browser.open).toEqual({ turns: 3, channels: 3 })
    await held.release()
    await scene.time.advance(SOON)
    for (const lease of await Promise.all(leases)) await lease.release()
    expect(scene.browser.open).toEqual({ turns: 0, channels: 0 })
    expect(scene.world.streams).toBe(0)
    const before = scene.world.requests
    await scene.time.advance(LEASE)
    expect(scene.world.requests).toBe(before)
  })

  it('have room for 64 sessions; the others poll, until there is room', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const tabs = scene.tabs(70)
    for (const tab of tabs) wait(tab, 'a')
    await scene.time.advance(1_000)
    expect(scene.streams.at(-1)).toHaveLength(64)
    const asked = await scene.askedWithin(5_000)
    expect(asked).toBeGreaterThanOrEqual(6 * 4)
    expect(asked).toBeLessThanOrEqual(6 * 6)
    await scene.closeAll(tabs.slice(1, 7))
    await scene.time.advance(1_000)
    expect(scene.streams.at(-1)).toHaveLength(64)
    // All have asked by then how the queue has moved.
    await scene.time.advance(5_000)
    expect(await scene.askedWithin(3_000)).toBe(0)
    await scene.closeAll(tabs)
  })
})

describe('a tab that is hidden, whose timers come once a minute,', () => {
  it('leads all the same', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    await scene.holder.acquire('b')
    const [leader, follower] = [scene.tab(), scene.tab()]
    tabOf(leader).leastTimerMs = 60_000
    wait(leader, 'b')
    await scene.time.advance(1_000)
    const waiting = wait(follower, 'a')
    await scene.time.advance(1_500)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await held.release()
    await scene.time.advance(10)
    expect(waiting.isGranted).toBe(true)
    await scene.closeAll([leader, follower])
  })

  it('follows all the same', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    await scene.holder.acquire('b')
    const [leader, follower] = [scene.tab(), scene.tab()]
    tabOf(follower).leastTimerMs = 60_000
    wait(leader, 'b')
    await scene.time.advance(1_000)
    const waiting = wait(follower, 'a')
    await scene.time.advance(20_000)
    await held.release()
    await scene.time.advance(10)
    expect(waiting.isGranted).toBe(true)
    await scene.closeAll([leader, follower])
  })
})
