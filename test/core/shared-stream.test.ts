import { describe, expect, it } from 'vitest'
import type { SessionStreamRequest } from '../../src/protocol/session.ts'
import { VirtualBrowser, type VirtualTab } from '../support/virtual-browser.ts'
import { brings, settle, type VirtualClient, VirtualWorld } from '../support/virtual-world.ts'

const LEASE = 60_000
/** Longer than it takes to announce, gather and open, and shorter than the time between polls. */
const SOON = 400
/** Longer than the time between polls, and shorter than that between refreshes. */
const A_WHILE = 6_000

/** Tabs of one browser, and somebody else who holds what they wait for. */
class Scene {
  readonly world = new VirtualWorld({ lease: { defaultMs: LEASE } })
  readonly browser = new VirtualBrowser()
  readonly holder = this.world.client()

  tab(): VirtualClient {
    return this.world.client({}, this.browser)
  }

  tabs(count: number): VirtualClient[] {
    return Array.from({ length: count }, () => this.tab())
  }

  get time() {
    return this.world.time
  }

  /** How often sessions asked by commands. */
  get asked(): number {
    return this.world.sent.filter(({ path }) => path.endsWith('/commands')).length
  }

  /** The sessions of each stream that was opened, in order. */
  get streams(): string[][] {
    const bodies = this.world.sent.filter((request) => brings('stream', request)).map(({ body }) => body)
    return bodies.map((body) => (body as SessionStreamRequest).sessions.map(({ session }) => session))
  }

  /** How often was asked while `ms` passed. */
  async askedWithin(ms: number): Promise<number> {
    const before = this.asked
    await this.time.advance(ms)
    return this.asked - before
  }

  async closeAll(clients: readonly VirtualClient[]): Promise<void> {
    await Promise.all(clients.map((client) => client.close()))
    await settle()
  }
}

/** Waits for a lock until it is granted, and forgets what becomes of it. */
function wait(client: VirtualClient, name: string): { isGranted: boolean } {
  const waiting = { isGranted: false }
  client.acquire(name).then(
    () => {
      waiting.isGranted = true
    },
    () => {},
  )
  return waiting
}

function tabOf({ tab }: VirtualClient): VirtualTab {
  if (tab === null) throw new Error('This client is in no tab.')
  return tab
}

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
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
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
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
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
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
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
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    wait(follower, 'a')
    await scene.time.advance(1_000)
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

describe('what is on the channel', () => {
  it.each([
    ['nothing', undefined],
    ['no object', 'waiting'],
    ['without our mark', { type: 'waiting', tab: 'x', sessions: ['stranger'] }],
    ['of another version', { lockable: 2, type: 'waiting', tab: 'x', sessions: ['stranger'] }],
    ['of an unknown type', { lockable: 1, type: 'stranger' }],
    ['an announcement of no list', { lockable: 1, type: 'waiting', tab: 'x', sessions: 'stranger' }],
    ['an announcement of no session', { lockable: 1, type: 'waiting', tab: 'x', sessions: ['stranger', 'not one'] }],
    ['an announcement of nobody', { lockable: 1, type: 'waiting', sessions: ['stranger'] }],
    ['a pulse without a list', { lockable: 1, type: 'pulse' }],
    ['an event that is none', { lockable: 1, type: 'event', data: { session: 'stranger' } }],
    ['an event that is no JSON', { lockable: 1, type: 'event', data: '{' }],
    ['an event without a session', { lockable: 1, type: 'event', data: '{"type":"granted"}' }],
  ])('is ignored if it is %s', async (_what, message) => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    const tabs = scene.tabs(3)
    const waiting = tabs.map((tab) => wait(tab, 'a'))
    await scene.time.advance(10)
    scene.browser.shout(message)
    await scene.time.advance(1_000)
    scene.browser.shout(message)
    await scene.time.advance(1_000)
    expect(scene.streams.flat().join()).not.toContain('stranger')
    expect(scene.streams.at(-1)).toHaveLength(3)
    await held.release()
    await scene.time.advance(10)
    expect(waiting.map(({ isGranted }) => isGranted)).toEqual([true, false, false])
    expect(tabs.flatMap(({ exceptions }) => exceptions)).toEqual([])
    await scene.closeAll(tabs)
  })

  it('grants nobody what the server has not granted', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    const waiting = wait(follower, 'a')
    await scene.time.advance(1_000)
    const session = scene.streams.at(-1)?.at(-1)
    const claim = {
      type: 'granted',
      owner: 'stranger',
      name: 'a',
      fencing_token: 1,
      expires_in_ms: 5_000,
      waited_ms: 1,
    }
    const data = JSON.stringify({ id: '1', epoch: 1, session, ...claim })
    scene.browser.shout({ lockable: 1, type: 'event', data })
    await scene.time.advance(1_000)
    expect(waiting.isGranted).toBe(false)
    await scene.closeAll([leader, follower])
  })

  it('may be a session that waits anew before it is known that it did not: then the stream is opened anew for it', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const tab = scene.tab()
    wait(tab, 'a')
    await scene.time.advance(1_000)
    scene.browser.shout({ lockable: 1, type: 'waiting', tab: 'before', sessions: ['again'] })
    await scene.time.advance(SOON)
    const opened = scene.streams.length
    scene.browser.shout({ lockable: 1, type: 'waiting', tab: 'after', sessions: ['again'] })
    scene.browser.shout({ lockable: 1, type: 'waiting', tab: 'before', sessions: [] })
    await scene.time.advance(SOON)
    expect(scene.streams.length).toBe(opened + 1)
    await scene.closeAll([tab])
  })

  it('may be a stranger who waits: then the stream has it too, until it is forgotten', async () => {
    const scene = new Scene()
    await scene.holder.acquire('a')
    const tab = scene.tab()
    wait(tab, 'a')
    await scene.time.advance(1_000)
    scene.browser.shout({ lockable: 1, type: 'waiting', tab: 'x', sessions: ['stranger'] })
    await scene.time.advance(1_000)
    expect(scene.streams.at(-1)).toHaveLength(2)
    await scene.time.advance(15_000)
    expect(scene.streams.at(-1)).toHaveLength(1)
    await scene.closeAll([tab])
  })
})

/** How many messages of a type were posted by tabs. */
function posted({ browser }: Scene, type: string): number {
  return browser.posted.filter(({ message }) => (message as { readonly type?: unknown }).type === type).length
}
