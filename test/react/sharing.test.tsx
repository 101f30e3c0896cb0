// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { Editor, Probe } from './editor.tsx'
import { freshName, macrotasks, next, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

describe('two components with one name', () => {
  it('share one lock until the last of them is gone', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const both = (
      <>
        <Editor name={name} client={client} label="one" />
        <Editor name={name} client={client} label="two" />
      </>
    )
    const { rerender, unmount } = render(both)
    await shows('held', 'one')
    await shows('held', 'two')
    rerender(<Editor name={name} client={client} label="one" />)
    await macrotasks()
    expect(shown('one')).toBe('held')
    expect(wire).toEqual([`acquire ${name}`])
    const released = next(client, 'release.answered')
    unmount()
    await released
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('are each told of the lease once, also the one that joins later or comes back', async () => {
    const { client } = world.person()
    const name = freshName()
    const told: string[] = []
    const tree = (labels: readonly string[]) =>
      labels.map((label) => (
        <Editor key={label} name={name} client={client} label={label} onAcquired={() => told.push(label)} />
      ))
    const { rerender } = render(tree(['one']))
    await shows('held', 'one')
    rerender(tree(['one', 'two']))
    await shows('held', 'two')
    rerender(tree(['two', 'one']))
    expect(told).toEqual(['one', 'two'])
  })

  it('warns the developer when their options differ, and goes by the first one', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    render(
      <>
        <Editor name={name} client={alice.client} label="one" info="first" />
        <Editor name={name} client={alice.client} label="two" info="second" autoReacquire />
      </>,
    )
    await shows('held', 'two')
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/doc:\d+.*\(info, autoReacquire\)/))
    expect((await bob.client.status(name)).holders.map(({ info }) => info)).toEqual(['first'])
  })

  it('does not warn when their options are alike', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const { client } = world.person()
    const name = freshName()
    render(
      <>
        <Editor name={name} client={client} label="one" info={{ who: 'Alice' }} />
        <Editor name={name} client={client} label="two" info={{ who: 'Alice' }} />
      </>,
    )
    await shows('held', 'two')
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('release()', () => {
  it('lets go for all that share the lock, until acquire()', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const probe = new Probe()
    render(
      <>
        <Editor name={name} client={client} label="one" probe={probe} />
        <Editor name={name} client={client} label="two" />
      </>,
    )
    await shows('held', 'two')
    const lease = probe.lock.lease
    expect(await probe.lock.release()).toBe(true)
    await shows('idle', 'one')
    await shows('idle', 'two')
    await macrotasks()
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
    expect(await probe.lock.acquire()).not.toBe(lease)
    await shows('held', 'two')
  })

  it('ends the wish of all: what another one acquires then ends with that one', async () => {
    const { client } = world.person()
    const name = freshName()
    const [one, two] = [new Probe(), new Probe()]
    const first = <Editor name={name} client={client} label="one" probe={one} />
    const second = <Editor name={name} client={client} label="two" probe={two} enabled={false} />
    const { rerender } = render([<div key="1">{first}</div>, <div key="2">{second}</div>])
    await shows('held', 'two')
    await one.lock.release()
    await two.lock.acquire()
    await shows('held', 'one')
    const released = next(client, 'release.answered')
    rerender([<div key="1">{first}</div>])
    await released
    await shows('idle', 'one')
  })

  it('gives back a lock that is granted in the same moment', async () => {
    const { client } = world.person()
    const name = freshName()
    const probe = new Probe()
    const onAcquired = vi.fn()
    render(<Editor name={name} client={client} probe={probe} onAcquired={onAcquired} />)
    client.subscribe(({ type }) => type === 'granted' && void probe.lock.release())
    await next(client, 'release.answered')
    await shows('idle')
    expect(onAcquired).not.toHaveBeenCalled()
    expect((await client.status(name)).state).toBe('free')
  })

  it('is answered before an acquire() that follows at once goes out', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const probe = new Probe()
    render(<Editor name={name} client={client} probe={probe} />)
    await shows('held')
    const order: string[] = []
    client.subscribe(({ type }) => order.push(type))
    const released = probe.lock.release()
    const lease = await probe.lock.acquire()
    expect(await released).toBe(true)
    expect(lease.state).toBe('held')
    expect(order.indexOf('release.answered')).toBeLessThan(order.indexOf('acquire.sent'))
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`, `acquire ${name}`])
  })
})
