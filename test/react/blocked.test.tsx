// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { Editor, Probe } from './editor.tsx'
import { freshName, macrotasks, next, parkWaits, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

describe('waiting at the server', () => {
  parkWaits()

  it('shows who holds, since when, and the place', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const before = Date.now()
    const lease = await alice.client.acquire(name, { info: { who: 'Alice' } })
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} />)
    await shows('blocked')
    expect(probe.lock).toMatchObject({ queued: true, position: 1, isHeld: false, lease: null })
    expect(probe.lock.holder).toMatchObject({ info: { who: 'Alice' }, mode: 'exclusive' })
    expect(probe.lock.holder?.since).toBeGreaterThan(before - 100)
    expect(probe.lock.holder?.since).toBeLessThan(Date.now() + 100)
    await lease.release()
    await shows('held')
    expect(probe.lock).toMatchObject({ queued: false, position: null, holder: null, isHeld: true })
  })

  it('goes on showing who holds and since when, though the wait itself is not answered', async () => {
    const [alice, carol, bob] = [world.person(), world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name, { info: 'Alice' })
    const granted = carol.client.acquire(name, { info: 'Carol' })
    await vi.waitFor(async () => expect((await alice.client.status(name)).waiters).toBe(1))
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} />)
    await shows('blocked')
    expect(probe.lock).toMatchObject({ position: 2, holder: { info: 'Alice' } })
    await lease.release()
    await granted
    await vi.waitFor(() => expect(probe.lock.holder?.info).toBe('Carol'), { timeout: 4000 })
    expect(shown()).toBe('blocked')
  })
})

describe('waiting in the queue', () => {
  it('renders nothing while the same one holds, however often the server is asked', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { info: 'Alice' })
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} />)
    await shows('blocked')
    const { renders, lock } = { renders: probe.renders, lock: probe.lock }
    await next(bob.client, 'acquire.waiting')
    await next(bob.client, 'acquire.waiting')
    expect(probe.renders).toBe(renders)
    expect(probe.lock).toBe(lock)
  })

  it('ends with release(), and is idle then', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name)
    const probe = new Probe()
    const onError = vi.fn()
    render(<Editor name={name} client={bob.client} probe={probe} onError={onError} />)
    await shows('blocked')
    const joined = probe.lock.acquire()
    expect(await probe.lock.release()).toBe(false)
    await expect(joined).rejects.toMatchObject({ name: 'AbortError', message: expect.stringContaining(name) })
    expect(shown()).toBe('idle')
    await vi.waitFor(async () => expect((await alice.client.status(name)).waiters).toBe(0))
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('blocking: false', () => {
  it('shows who holds without queueing, and goes on showing who does', async () => {
    const [alice, carol, bob] = [world.person(), world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name, { info: 'Alice' })
    const probe = new Probe()
    const onError = vi.fn()
    render(<Editor name={name} client={bob.client} probe={probe} blocking={false} onError={onError} />)
    await shows('blocked')
    expect(probe.lock).toMatchObject({ queued: false, position: null, holder: { info: 'Alice' }, error: null })
    expect((await alice.client.status(name)).waiters).toBe(0)
    await lease.release()
    await carol.client.acquire(name, { info: 'Carol' })
    await vi.waitFor(() => expect(probe.lock.holder?.info).toBe('Carol'), { timeout: 4000 })
    expect(shown()).toBe('blocked')
    expect(onError).not.toHaveBeenCalled()
  })

  it('has no holder when nobody holds any more, and acquire() tries again', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name)
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} blocking={false} />)
    await shows('blocked')
    await expect(probe.lock.acquire()).rejects.toMatchObject({ code: 'could-not-acquire' })
    await lease.release()
    await vi.waitFor(() => expect(probe.lock).toMatchObject({ status: 'blocked', holder: null }), { timeout: 4000 })
    const mine = await probe.lock.acquire()
    await shows('held')
    expect(probe.lock.lease).toBe(mine)
  })

  it('stops watching when it no longer wants the lock', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name)
    const stopped = vi.fn()
    const watch = bob.client.watch.bind(bob.client)
    vi.spyOn(bob.client, 'watch').mockImplementation((names, listener) => {
      const stop = watch(names, listener)
      return () => {
        stopped(names)
        stop()
      }
    })
    const { unmount } = render(<Editor name={name} client={bob.client} blocking={false} />)
    await shows('blocked')
    expect(stopped).not.toHaveBeenCalled()
    unmount()
    await macrotasks()
    expect(stopped).toHaveBeenCalledExactlyOnceWith([name])
  })
})

describe('takeOver()', () => {
  parkWaits()

  it('gives up the wait and gets the lock at the end of the lease of its holder', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name, { leaseDuration: 600, info: 'Alice' })
    const ending = next(alice.client, 'ending')
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} info="Bob" />)
    await shows('blocked')
    const waited = probe.lock.acquire()
    const taken = await probe.lock.takeOver()
    expect(await waited).toBe(taken)
    expect(taken.state).toBe('held')
    expect(lease.state).not.toBe('held')
    expect(await ending).toMatchObject({ reason: 'stolen' })
    await shows('held')
    expect(probe.lock.lease).toBe(taken)
    expect((await alice.client.status(name)).waiters).toBe(0)
  })

  it('waits also where one would not queue', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { leaseDuration: 600 })
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} blocking={false} />)
    await shows('blocked')
    expect((await probe.lock.takeOver()).state).toBe('held')
    await shows('held')
  })

  it('is one take-over, however often it is asked for', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { leaseDuration: 600 })
    const probe = new Probe()
    render(<Editor name={name} client={bob.client} probe={probe} />)
    await shows('blocked')
    const leases = await Promise.all([probe.lock.takeOver(), probe.lock.takeOver(), probe.lock.acquire()])
    expect(new Set(leases).size).toBe(1)
  })

  it('resolves to the lease that is held', async () => {
    const { client, wire } = world.person()
    const probe = new Probe()
    render(<Editor name={freshName()} client={client} probe={probe} />)
    await shows('held')
    expect(await probe.lock.takeOver()).toBe(probe.lock.lease)
    expect(await probe.lock.acquire()).toBe(probe.lock.lease)
    expect(wire).toHaveLength(1)
  })

  it('leaves nothing behind when the component goes meanwhile', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { leaseDuration: 600 })
    const probe = new Probe()
    const { unmount } = render(<Editor name={name} client={bob.client} probe={probe} />)
    await shows('blocked')
    const fixed = next(alice.client, 'ending')
    const taken = probe.lock.takeOver()
    await fixed
    unmount()
    await expect(taken).rejects.toThrow('no component that is mounted wants it any more')
    await vi.waitFor(async () => {
      expect(await bob.client.status(name)).toMatchObject({ state: 'free', waiters: 0 })
    })
  })

  it('tells the holder who comes, while it still holds', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const probe = new Probe()
    render(<Editor name={name} client={alice.client} probe={probe} leaseDuration={2000} />)
    await shows('held')
    const stolen = bob.client.acquire(name, { steal: 'safe', info: { who: 'Bob' } })
    await vi.waitFor(() => expect(probe.lock.ending).not.toBeNull())
    expect(probe.lock).toMatchObject({ status: 'held', ending: { reason: 'stolen', successor: { who: 'Bob' } } })
    await probe.lock.release()
    await stolen
  })
})
