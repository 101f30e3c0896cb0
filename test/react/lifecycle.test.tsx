// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { useEffect } from 'react'
import { describe, expect, it, vi } from 'vitest'
import { useLock } from '../../src/react/index.ts'
import { existingHandle } from '../../src/react/lock-handles.ts'
import { Editor, Probe } from './editor.tsx'
import { freshName, macrotasks, next, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

describe('mounting', () => {
  it('acquires once and releases once, though StrictMode runs effects twice', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { unmount } = render(<Editor name={name} client={client} />)
    expect(shown()).toBe('acquiring')
    await shows('held')
    const released = next(client, 'release.answered')
    unmount()
    expect(await released).toMatchObject({ acknowledged: true })
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('sends nothing when a new key replaces the component', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { rerender } = render(<Editor key="a" name={name} client={client} />)
    await shows('held')
    rerender(<Editor key="b" name={name} client={client} />)
    expect(shown()).toBe('held')
    await macrotasks()
    expect(shown()).toBe('held')
    expect(wire).toEqual([`acquire ${name}`])
  })

  it('sends nothing when a new key replaces the component while it waits', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { rerender } = render(<Editor key="a" name={name} client={client} />)
    rerender(<Editor key="b" name={name} client={client} />)
    await shows('held')
    expect(wire).toEqual([`acquire ${name}`])
  })

  it('asks for the new lock before it releases the old one when the name changes', async () => {
    const { client, wire } = world.person()
    const [a, b] = [freshName(), freshName()]
    const { rerender } = render(<Editor name={a} client={client} />)
    await shows('held')
    const released = next(client, 'released')
    rerender(<Editor name={b} client={client} />)
    expect(shown()).toBe('acquiring')
    expect(await released).toMatchObject({ name: a })
    await shows('held')
    expect(wire).toEqual([`acquire ${a}`, `acquire ${b}`, `release ${a}`])
  })

  it('does nothing without a name', async () => {
    const { client, wire } = world.person()
    const probe = new Probe()
    render(<Editor name={null} client={client} probe={probe} />)
    await macrotasks()
    expect(shown()).toBe('idle')
    expect(wire).toEqual([])
    await expect(probe.lock.acquire()).rejects.toThrow('give useLock a name instead of null')
    expect(await probe.lock.release()).toBe(false)
  })

  it('fails, and sends nothing, with a name that no lock can have', async () => {
    const { client, wire } = world.person()
    const onError = vi.fn()
    const probe = new Probe()
    render(<Editor name="a/../b" client={client} onError={onError} probe={probe} />)
    await shows('failed')
    expect(probe.lock.error?.message).toContain('path segment')
    expect(onError).toHaveBeenCalledWith(probe.lock.error)
    expect(wire).toEqual([])
  })
})

describe('unmounting', () => {
  it('leaves no lock behind when it happens during the acquire', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { unmount } = render(<Editor name={name} client={client} />)
    const ended = next(client, 'acquire.ended')
    unmount()
    expect(await ended).toMatchObject({ error: { message: expect.stringContaining('no component that is mounted') } })
    await vi.waitFor(async () => expect(await client.status(name)).toMatchObject({ state: 'free', waiters: 0 }))
    expect(wire.filter((sent) => sent.startsWith('acquire'))).toHaveLength(1)
  })

  it('gives up its place in the queue', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name)
    const { unmount } = render(<Editor name={name} client={bob.client} />)
    await shows('blocked')
    expect((await alice.client.status(name)).waiters).toBe(1)
    unmount()
    await vi.waitFor(async () => expect((await alice.client.status(name)).waiters).toBe(0))
  })

  it('forgets the lock: the next mount begins anew', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const first = render(<Editor name={name} client={client} />)
    await shows('held')
    const released = next(client, 'release.answered')
    first.unmount()
    await released
    expect(existingHandle(client, name)).toBeUndefined()
    render(<Editor name={name} client={client} />)
    expect(shown()).toBe('acquiring')
    await shows('held')
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`, `acquire ${name}`])
  })
})

describe('enabled', () => {
  it('takes the lock while it is true', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { rerender } = render(<Editor name={name} client={client} enabled={false} />)
    await macrotasks()
    expect(shown()).toBe('idle')
    rerender(<Editor name={name} client={client} enabled />)
    await shows('held')
    const released = next(client, 'release.answered')
    rerender(<Editor name={name} client={client} enabled={false} />)
    await released
    await shows('idle')
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('sends nothing when it is toggled there and back at once', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { rerender } = render(<Editor name={name} client={client} />)
    await shows('held')
    rerender(<Editor name={name} client={client} enabled={false} />)
    rerender(<Editor name={name} client={client} enabled />)
    await macrotasks()
    expect(shown()).toBe('held')
    expect(wire).toEqual([`acquire ${name}`])
  })

  it('false leaves it to acquire(), which keeps the lock until the component is gone', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const probe = new Probe()
    const { unmount } = render(<Editor name={name} client={client} enabled={false} probe={probe} />)
    const lease = await probe.lock.acquire()
    await shows('held')
    expect(probe.lock.lease).toBe(lease)
    await macrotasks()
    expect(lease.state).toBe('held')
    const released = next(client, 'release.answered')
    unmount()
    await released
    expect(lease.state).toBe('released')
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('false keeps a lock that acquire() took before the effects of the component ran', async () => {
    const { client } = world.person()
    const name = freshName()
    function Child({ acquire }: { acquire: () => Promise<unknown> }) {
      useEffect(() => void acquire(), [acquire])
      return null
    }
    function Parent() {
      const lock = useLock(name, { client, enabled: false })
      return (
        <output aria-label="editor">
          {lock.status}
          <Child acquire={lock.acquire} />
        </output>
      )
    }
    render(<Parent />)
    await shows('held')
    await macrotasks()
    expect(shown()).toBe('held')
  })
})
