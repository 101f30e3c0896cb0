import { describe, expect, it } from 'vitest'
import { A_WHILE, leaderAndFollower, posted, Scene, SOON, tabOf, wait } from '../support/tabs-scene.ts'
import { brings, settle } from '../support/virtual-world.ts'

describe('the tab that leads', () => {
  it('goes on as long as others wait, and lets go then', async () => {
    const scene = new Scene()
    const own = await scene.holder.acquire('own')
    const held = await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    const mine = wait(leader, 'own')
    await scene.time.advance(100)
    const theirs = wait(follower, 'a')
    await scene.time.advance(SOON)
    await own.release()
    await scene.time.advance(SOON)
    expect(mine.isGranted).toBe(true)
    expect(scene.browser.leader).toBe(leader.tab)
    const opened = scene.streams.length
    expect(await scene.askedWithin(A_WHILE)).toBe(0)
    expect(scene.streams.length).toBe(opened)
    await held.release()
    await scene.time.advance(10)
    expect(theirs.isGranted).toBe(true)
    expect(scene.browser.open).toEqual({ turns: 0, channels: 0 })
    expect(scene.world.streams).toBe(0)
  })

  it('is followed at once by another one when it dies, and nothing is missed', async () => {
    const scene = new Scene()
    await scene.holder.acquire('b')
    const held = await scene.holder.acquire('a')
    const [leader, ...followers] = scene.tabs(4)
    if (leader === undefined) throw new Error('There is no tab.')
    wait(leader, 'b')
    await scene.time.advance(10)
    const waiting = followers.map((follower) => wait(follower, 'a'))
    await scene.time.advance(1_000)
    leader.machine.freeze()
    await held.release()
    await scene.time.advance(SOON)
    // Nobody is there to pass it on.
    expect(waiting.map(({ isGranted }) => isGranted)).toEqual([false, false, false])
    const before = scene.asked
    tabOf(leader).crash()
    await scene.time.advance(SOON)
    expect(scene.browser.leader).toBe(followers[0]?.tab)
    expect(waiting.map(({ isGranted }) => isGranted)).toEqual([true, false, false])
    // The first of them confirms its claim; the others have not asked at all.
    expect(scene.asked - before).toBe(1)
    expect(scene.streams.at(-1)).toHaveLength(2)
    expect(await scene.askedWithin(A_WHILE)).toBe(0)
    await scene.closeAll(followers)
  })

  it('lets go at once when its page leaves, and can wait again if that comes back', async () => {
    const { scene, leader, follower } = await leaderAndFollower()
    leader.changePage('leaving')
    await settle()
    expect(scene.browser.leader).toBe(follower.tab)
    expect(scene.browser.open).toEqual({ turns: 1, channels: 1 })
    leader.changePage('resumed')
    await scene.time.advance(3_000)
    expect(scene.browser.open).toEqual({ turns: 2, channels: 2 })
    expect(scene.world.streams).toBe(1)
    expect(await scene.askedWithin(5_000)).toBe(0)
    await scene.closeAll([leader, follower])
  })

  it('lets go at once when its client is closed, however long that takes', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    await leader.acquire('own')
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
    scene.world.fault = (request) => (brings('release', request) ? { dropRequest: true } : {})
    const closed = leader.close()
    await settle()
    expect(scene.browser.leader).toBe(follower.tab)
    expect(scene.browser.open).toEqual({ turns: 1, channels: 1 })
    scene.world.fault = () => ({})
    await scene.time.advance(20_000)
    await closed
    await scene.closeAll([follower])
  })

  it('follows when its turn is taken away', async () => {
    const { scene, leader, follower } = await leaderAndFollower()
    scene.browser.steal()
    await settle()
    expect(scene.browser.leader).toBe(follower.tab)
    await scene.time.advance(5_000)
    expect(scene.browser.open).toEqual({ turns: 2, channels: 2 })
    expect(scene.world.streams).toBe(1)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await scene.closeAll([leader, follower])
  })

  it('that stands still is polled past, until it goes on', async () => {
    const scene = new Scene()
    await scene.holder.acquire('b')
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'b')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
    leader.machine.freeze()
    expect(await scene.askedWithin(900)).toBe(0)
    await scene.time.advance(2_000)
    expect(await scene.askedWithin(3_000)).toBeGreaterThanOrEqual(3)
    expect(scene.browser.leader).toBe(leader.tab)
    leader.machine.wake()
    await leader.machine.catchUp()
    await scene.time.advance(3_000)
    // No more than each asks how the queue has moved.
    expect(await scene.askedWithin(A_WHILE)).toBeLessThanOrEqual(2)
    await scene.closeAll([leader, follower])
  })

  it('tells the others that the stream lives no more than twice a second', async () => {
    const scene = new Scene()
    await scene.holder.acquire('b')
    const held = await Promise.all(Array.from({ length: 30 }, (_, index) => scene.holder.acquire(`a-${index}`)))
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'b')
    wait(follower, 'b')
    for (const { name } of held) wait(leader, name)
    await scene.time.advance(1_000)
    const before = { pulses: posted(scene, 'pulse'), events: posted(scene, 'event') }
    for (const lease of held) {
      await lease.release()
      await scene.time.advance(100)
    }
    expect(posted(scene, 'event') - before.events).toBe(30)
    expect(posted(scene, 'pulse') - before.pulses).toBeGreaterThanOrEqual(3)
    expect(posted(scene, 'pulse') - before.pulses).toBeLessThanOrEqual(7)
    await scene.closeAll([leader, follower])
  })
})
