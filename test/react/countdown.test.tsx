// @vitest-environment jsdom
import { render } from '@testing-library/react'
import type { ReactElement } from 'react'
import { describe, expect, it, vi } from 'vitest'
import type { Lockable } from '../../src/index.ts'
import { useLeaseCountdown } from '../../src/react/index.ts'
import { freshName, macrotasks, next, startWorld } from './harness.tsx'

const world = startWorld()

interface CountdownProps {
  readonly name: string | null
  readonly client: Lockable
  readonly every?: number
  readonly saw: (number | null)[]
}

function Countdown({ name, client, every, saw }: CountdownProps): ReactElement {
  const left = useLeaseCountdown(name, { client, every })
  saw.push(left)
  return <output>{left}</output>
}

/** Without the renders that StrictMode repeats. */
function distinct(saw: readonly (number | null)[]): (number | null)[] {
  return saw.filter((value, index) => index === 0 || value !== saw[index - 1])
}

describe('useLeaseCountdown', () => {
  it('is null while the client does not hold the lock', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name)
    const saw: (number | null)[] = []
    render(<Countdown name={name} client={bob.client} saw={saw} />)
    await macrotasks()
    expect(distinct(saw)).toEqual([null])
  })

  it('counts down by whole steps while no heartbeat gets through, to null when the lock is lost', async () => {
    const alice = world.person()
    const name = freshName()
    const saw: (number | null)[] = []
    render(<Countdown name={name} client={alice.client} every={100} saw={saw} />)
    alice.heartbeatsPass = false
    const lost = next(alice.client, 'lost')
    const lock = alice.client.lock(name, { leaseDuration: 600 })
    await lock.acquire()
    await lost
    await vi.waitFor(() => expect(saw.at(-1)).toBeNull())
    const [before, ...steps] = distinct(saw)
    expect([before, steps.pop()]).toEqual([null, null])
    expect(steps).toEqual([500, 400, 300, 200, 100].filter((step) => steps.includes(step)))
    // A busy machine may miss some.
    expect(steps.length).toBeGreaterThan(2)
  })

  it('stays up while heartbeats get through', async () => {
    const { client } = world.person()
    const name = freshName()
    const saw: (number | null)[] = []
    const lock = client.lock(name, { leaseDuration: 2000 })
    await lock.acquire()
    render(<Countdown name={name} client={client} every={1000} saw={saw} />)
    expect(saw.at(-1)).toBe(2000)
    for (let beat = 0; beat < 20; beat += 1) await next(client, 'heartbeat.ok')
    expect(distinct(saw)).toEqual([null, 2000])
    await lock.release()
    await vi.waitFor(() => expect(saw.at(-1)).toBeNull())
  })

  it('is in seconds by default, and null without a name', async () => {
    const { client } = world.person()
    const name = freshName()
    const lock = client.lock(name)
    await lock.acquire()
    const saw: (number | null)[] = []
    const { rerender } = render(<Countdown name={name} client={client} saw={saw} />)
    expect([57_000, 58_000, 59_000]).toContain(saw.at(-1))
    rerender(<Countdown name={null} client={client} saw={saw} />)
    expect(saw.at(-1)).toBeNull()
    await lock.release()
  })

  it('leaves no timer behind', async () => {
    const { client } = world.person()
    const name = freshName()
    const lock = client.lock(name)
    await lock.acquire()
    const saw: (number | null)[] = []
    const { unmount } = render(<Countdown name={name} client={client} every={20} saw={saw} />)
    await vi.waitFor(() => expect(saw.length).toBeGreaterThan(2))
    const find = vi.spyOn(client, 'find')
    unmount()
    await next(client, 'heartbeat.ok')
    await next(client, 'heartbeat.ok')
    expect(find).not.toHaveBeenCalled()
    await lock.release()
  })
})
