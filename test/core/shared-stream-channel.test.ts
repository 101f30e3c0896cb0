import { describe, expect, it } from 'vitest'
import type { AcquireCommand } from '../../src/protocol/session.ts'
import { Scene, SOON, wait } from '../support/tabs-scene.ts'
import type { VirtualClient } from '../support/virtual-client.ts'

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

  it('may be a claim that the server never made: nobody believes it, and the place in the queue is kept', async () => {
    const scene = new Scene()
    const held = await scene.holder.acquire('a')
    const other = await scene.holder.acquire('b')
    const [leader, follower] = [scene.tab(), scene.tab()]
    wait(leader, 'a')
    await scene.time.advance(10)
    const waiting = wait(follower, 'a')
    wait(follower, 'b')
    await scene.time.advance(1_000)
    await other.release()
    await scene.time.advance(1_000)
    const owner = ownerOf(scene, follower, 'a')
    // What it was told of `b`, but for another lock.
    const data = JSON.stringify({ ...lastEventOf(scene), owner, name: 'a' })
    const before = scene.world.sent.length
    scene.browser.shout({ lockable: 1, type: 'event', data })
    await scene.time.advance(1_000)
    expect(scene.world.sent.length).toBeGreaterThan(before)
    expect(waiting.isGranted).toBe(false)
    expect(held.state).toBe('held')
    // It waits on, behind the leader.
    await leader.close()
    await held.release()
    await scene.time.advance(SOON)
    expect(waiting.isGranted).toBe(true)
    await scene.closeAll([follower])
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

/** The owner as whom a client asks for a lock, which never crosses the channel before it is granted. */
function ownerOf({ world }: Scene, { machine }: VirtualClient, name: string): string {
  const commands = world.seen.filter((each) => each.machine === machine && each.operation === 'acquire')
  const command = commands.map(({ request }) => request.body as AcquireCommand).find((each) => each.name === name)
  if (command === undefined) throw new Error(`It never asked for ${name}.`)
  return command.owner
}

/** The last event that a tab has passed on. */
function lastEventOf({ browser }: Scene): object {
  const messages = browser.posted.map(({ message }) => message as { readonly type?: unknown; readonly data?: unknown })
  return JSON.parse(String(messages.findLast(({ type }) => type === 'event')?.data))
}
