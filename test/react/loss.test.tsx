// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import type { Lease } from '../../src/index.ts'
import type { UseLockOptions } from '../../src/react/index.ts'
import { Editor, Probe } from './editor.tsx'
import { freshName, macrotasks, parkWaits, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

/** Alice's editor, holding; `steal()` makes the server say no to her next heartbeat. */
async function editing(options: UseLockOptions & { readonly name?: string } = {}) {
  const [alice, bob] = [world.person(), world.person()]
  const name = freshName()
  const probe = new Probe()
  const view = render(<Editor client={alice.client} {...options} name={name} probe={probe} />)
  await shows('held')
  const { lease } = probe.lock
  if (lease === null) throw new Error('held without a lease')
  const steal = (): Promise<Lease> => bob.client.acquire(name, { steal: 'now', info: 'Bob' })
  return { ...view, name, alice, bob, probe, lease, steal }
}

describe('a loss', () => {
  it('aborts the signal first, then shows, then calls back, once', async () => {
    const order: string[] = []
    const onLockLoss = vi.fn(() => order.push('onLockLoss'))
    const { alice, probe, lease, steal } = await editing({ onLockLoss })
    lease.signal.addEventListener('abort', () => order.push(`abort while showing ${shown()}`))
    alice.client.subscribe(({ type }) => type === 'lost' && order.push('lost'))
    await steal()
    await shows('lost')
    expect(order).toEqual(['abort while showing held', 'lost', 'onLockLoss'])
    expect(onLockLoss).toHaveBeenCalledExactlyOnceWith(probe.lock.loss)
    expect(probe.lock).toMatchObject({ isHeld: false, lease: null, health: null, loss: { cause: 'taken-over' } })
  })

  it('stays until acquire(), which begins anew', async () => {
    const { probe, lease, steal } = await editing()
    const stolen = await steal()
    await shows('lost')
    await macrotasks()
    expect(shown()).toBe('lost')
    await stolen.release()
    const again = await probe.lock.acquire()
    expect(again.fencingToken).toBeGreaterThan(lease.fencingToken ?? 0)
    await shows('held')
    expect(probe.lock.loss).toBeNull()
  })

  it('stays until release()', async () => {
    const { probe, steal, alice } = await editing()
    await steal()
    await shows('lost')
    alice.wire.length = 0
    expect(await probe.lock.release()).toBe(false)
    await shows('idle')
    expect(alice.wire).toEqual([])
  })

  it('is shown by a component that joins, which takes no lock behind the back of the other one', async () => {
    const { name, alice, steal, rerender, probe } = await editing()
    const stolen = await steal()
    await shows('lost')
    await stolen.release()
    rerender(
      <>
        <Editor name={name} client={alice.client} probe={probe} />
        <Editor name={name} client={alice.client} label="joined" />
      </>,
    )
    await macrotasks()
    expect(shown('joined')).toBe('lost')
  })

  it('is over for a component that begins anew', async () => {
    const { name, alice, steal, rerender } = await editing()
    const stolen = await steal()
    await shows('lost')
    await stolen.release()
    rerender(<Editor key="anew" name={name} client={alice.client} />)
    await shows('held')
  })

  it('is told to each component, with the functions of its latest render', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const calls: string[] = []
    const both = (render: string) => (
      <>
        <Editor name={name} client={alice.client} label="one" onLockLoss={() => calls.push(`one, ${render}`)} />
        <Editor name={name} client={alice.client} label="two" onLockLoss={() => calls.push(`two, ${render}`)} />
      </>
    )
    const { rerender } = render(both('first'))
    await shows('held', 'two')
    rerender(both('second'))
    await bob.client.acquire(name, { steal: 'now' })
    await shows('lost', 'two')
    expect(calls).toEqual(['one, second', 'two, second'])
  })

  it('of which a callback throws is still told to the others', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const heard = vi.fn()
    const thrown = () => {
      throw new Error('thrown by a callback')
    }
    render(
      <>
        <Editor name={name} client={alice.client} label="one" onLockLoss={thrown} />
        <Editor name={name} client={alice.client} label="two" onLockLoss={heard} />
      </>,
    )
    await shows('held', 'two')
    await bob.client.acquire(name, { steal: 'now' })
    await shows('lost', 'two')
    expect(heard).toHaveBeenCalledOnce()
    expect(reported).toHaveBeenCalledExactlyOnceWith(new Error('thrown by a callback'))
  })
})

describe('autoReacquire', () => {
  parkWaits()

  it('queues again after a loss, which is told all the same', async () => {
    const onLockLoss = vi.fn()
    const onAcquired = vi.fn()
    const { lease, steal } = await editing({ autoReacquire: true, onLockLoss, onAcquired })
    const stolen = await steal()
    await shows('blocked')
    expect(onLockLoss).toHaveBeenCalledOnce()
    await stolen.release()
    await shows('held')
    expect(onAcquired).toHaveBeenCalledTimes(2)
    expect(lease.state).toBe('lost')
  })

  it('does not after release()', async () => {
    const { probe, steal } = await editing({ autoReacquire: true })
    await steal()
    await probe.lock.release()
    await shows('idle')
    await macrotasks()
    expect(shown()).toBe('idle')
  })
})

describe('an end that the component did not ask for', () => {
  it('is a loss after maxHold', async () => {
    const { probe } = await editing({ maxHold: 150 })
    await shows('lost')
    expect(probe.lock.loss?.sentence).toContain('maxHold')
  })

  it('is idle when somebody else releases the lease', async () => {
    const { lease } = await editing()
    await lease.release()
    await shows('idle')
  })
})

describe('heartbeats that fail', () => {
  it('are told, show as health, and are no loss', async () => {
    const onHeartbeatException = vi.fn()
    const onLockLoss = vi.fn()
    const { alice, probe, lease } = await editing({ onHeartbeatException, onLockLoss })
    expect(probe.lock.health).toBe('ok')
    alice.heartbeatsPass = false
    await vi.waitFor(() => expect(probe.lock.health).toBe('offline'))
    expect(onHeartbeatException).toHaveBeenCalledWith(expect.objectContaining({ code: 'heartbeat' }))
    expect(probe.lock).toMatchObject({ status: 'held', isHeld: true, lease })
    alice.heartbeatsPass = true
    await vi.waitFor(() => expect(probe.lock.health).toBe('ok'), { timeout: 3000 })
    expect(onLockLoss).not.toHaveBeenCalled()
  })

  it('are a loss when the lease has run out', async () => {
    const onLockLoss = vi.fn()
    const { alice, probe } = await editing({ onLockLoss, leaseDuration: 600 })
    alice.heartbeatsPass = false
    await shows('lost')
    expect(probe.lock.loss?.cause).toBe('offline')
    expect(onLockLoss).toHaveBeenCalledOnce()
  })
})
