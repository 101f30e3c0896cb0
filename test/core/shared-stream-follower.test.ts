import { describe, expect, it } from 'vitest'
import { A_WHILE, LEASE, leaderAndFollower, Scene, tabOf, wait } from '../support/tabs-scene.ts'
import { brings, settle } from '../support/virtual-world.ts'

describe('a tab that follows', () => {
  it('and gives up leaves the queue of those that would lead', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    const abort = new AbortController()
    const given = follower.acquire('a', { signal: abort.signal }).catch(() => {})
    await scene.time.advance(1_000)
    expect(scene.browser.open).toEqual({ turns: 2, channels: 2 })
    abort.abort()
    await given
    await settle()
    expect(scene.browser.open).toEqual({ turns: 1, channels: 1 })
    await scene.closeAll([leader])
  })

  it('says again that it waits if nobody has heard it', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(1_000)
    scene.browser.carries = false
    wait(follower, 'a')
    await scene.time.advance(1_000)
    scene.browser.carries = true
    expect(scene.streams.at(-1)).toHaveLength(1)
    await scene.time.advance(4_000)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await scene.closeAll([leader, follower])
  })

  it('and vanishes without a word is forgotten', async () => {
    const { scene, leader, follower } = await leaderAndFollower()
    expect(scene.streams.at(-1)).toHaveLength(2)
    tabOf(follower).crash()
    await scene.time.advance(15_000)
    expect(scene.streams.at(-1)).toHaveLength(1)
    await scene.closeAll([leader])
    expect(scene.browser.open).toEqual({ turns: 0, channels: 0 })
  })

  it('is not forgotten as long as it lives, also if nothing else happens', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    wait(follower, 'a')
    await scene.time.advance(1_000)
    const opened = scene.streams.length
    await scene.time.advance(LEASE)
    expect(scene.streams.length).toBe(opened)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await scene.closeAll([leader, follower])
  })

  it('is taken back that was forgotten while it stood still', async () => {
    const { scene, leader, follower } = await leaderAndFollower()
    follower.machine.freeze()
    await scene.time.advance(15_000)
    expect(scene.streams.at(-1)).toHaveLength(1)
    follower.machine.wake()
    await follower.machine.catchUp()
    await scene.time.advance(5_000)
    expect(scene.streams.at(-1)).toHaveLength(2)
    expect(await scene.askedWithin(4_000)).toBe(0)
    await scene.closeAll([leader, follower])
  })

  it('polls where there is no stream, and no longer when there is one again', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    scene.world.fault = (request) => (brings('stream', request) ? { refuse: true } : {})
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_500)
    expect(await scene.askedWithin(3_000)).toBeGreaterThanOrEqual(2 * 2)
    scene.world.fault = () => ({})
    await scene.time.advance(30_000)
    expect(await scene.askedWithin(A_WHILE)).toBeLessThanOrEqual(2)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await scene.closeAll([leader, follower])
  })

  it('polls where no turns are given, and opens nothing', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    scene.browser.givesTurns = false
    const tab = scene.tab()
    const waiting = wait(tab, 'a')
    await scene.time.advance(1_500)
    expect(await scene.askedWithin(5_000)).toBeGreaterThanOrEqual(4)
    await held.release()
    await scene.time.advance(1_500)
    expect(waiting.isGranted).toBe(true)
    expect(scene.streams).toEqual([])
    expect(scene.browser.open).toEqual({ turns: 0, channels: 0 })
  })
})
