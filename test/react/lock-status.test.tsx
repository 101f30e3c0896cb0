// @vitest-environment jsdom
import { render } from '@testing-library/react'
import type { ReactElement } from 'react'
import { describe, expect, it, vi } from 'vitest'
import type { Lockable } from '../../src/index.ts'
import { type LockStatusResult, useLockStatus } from '../../src/react/index.ts'
import { Editor } from './editor.tsx'
import { freshName, macrotasks, next, shows, startWorld } from './harness.tsx'

const world = startWorld()

interface WatcherProps {
  readonly name: string | null
  readonly client: Lockable
  readonly saw?: LockStatusResult[]
  readonly label?: string
}

function Watcher({ name, client, saw = [], label = 'watcher' }: WatcherProps): ReactElement {
  const status = useLockStatus(name, { client })
  saw.push(status)
  return <output aria-label={label}>{status.status}</output>
}

describe('useLockStatus', () => {
  it('shows who holds, and takes nothing', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name, { info: { who: 'Alice' } })
    const saw: LockStatusResult[] = []
    render(<Watcher name={name} client={bob.client} saw={saw} />)
    expect(saw.at(-1)).toMatchObject({ name, status: 'unknown', holder: null, isMine: false })
    await shows('held', 'watcher')
    expect(saw.at(-1)).toMatchObject({
      holder: { info: { who: 'Alice' }, mode: 'exclusive' },
      waiters: 0,
      isMine: false,
    })
    await lease.release()
    await shows('free', 'watcher')
    expect(saw.at(-1)).toMatchObject({ holder: null, holders: [], isMine: false })
    expect(new Set(bob.wire)).toEqual(new Set([`status ${name}`]))
  })

  it('shows all who share', async () => {
    const [alice, carol, bob] = [world.person(), world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { mode: 'shared', info: 'Alice' })
    await carol.client.acquire(name, { mode: 'shared', info: 'Carol' })
    const saw: LockStatusResult[] = []
    render(<Watcher name={name} client={bob.client} saw={saw} />)
    await shows('held', 'watcher')
    expect(saw.at(-1)?.holders.map(({ info }) => info)).toEqual(['Alice', 'Carol'])
    expect(saw.at(-1)?.holder).toBe(saw.at(-1)?.holders[0])
  })

  it('knows at once what this client holds', async () => {
    const { client } = world.person()
    const name = freshName()
    const saw: LockStatusResult[] = []
    render(
      <>
        <Editor name={name} client={client} />
        <Watcher name={name} client={client} saw={saw} />
      </>,
    )
    await next(client, 'granted')
    await shows('held', 'watcher')
    expect(saw.at(-1)?.isMine).toBe(true)
  })

  it('knows what this client holds also where the server cannot be asked', async () => {
    const { client, wire } = world.person({ dialect: 'classic' })
    const name = freshName()
    const saw: LockStatusResult[] = []
    render(<Watcher name={name} client={client} saw={saw} />)
    await macrotasks()
    expect(saw.at(-1)).toMatchObject({ status: 'unknown', isMine: false })
    const lease = await client.acquire(name)
    await shows('held', 'watcher')
    expect(saw.at(-1)).toMatchObject({ isMine: true, holder: null })
    await lease.release()
    await shows('unknown', 'watcher')
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('renders nothing while nothing changes', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { info: 'Alice' })
    const saw: LockStatusResult[] = []
    const { rerender } = render(<Watcher name={name} client={bob.client} saw={saw} />)
    await shows('held', 'watcher')
    const before = saw.at(-1)
    const asked = bob.wire.length
    await vi.waitFor(() => expect(bob.wire.length).toBeGreaterThan(asked), { timeout: 4000 })
    await bob.client.status(name)
    rerender(<Watcher name={name} client={bob.client} saw={saw} />)
    expect(saw.at(-1)).toBe(before)
  })

  it('asks once for all who watch, and no more when nobody does', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { unmount } = render(
      <>
        <Watcher name={name} client={client} label="one" />
        <Watcher name={name} client={client} label="two" />
      </>,
    )
    await shows('free', 'one')
    await shows('free', 'two')
    const asked = wire.length
    // One, and one for those who came before that was answered; StrictMode alone makes four watchers of these two.
    expect(asked).toBeLessThanOrEqual(2)
    unmount()
    await macrotasks()
    // What happens to a lock makes the client look again at once, if anybody still wants to know.
    await (await client.acquire(name)).release()
    expect(wire.slice(asked)).toEqual([`acquire ${name}`, `release ${name}`])
  })

  it('does not show what an earlier watch saw', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    const lease = await alice.client.acquire(name, { info: 'Alice' })
    const first = render(<Watcher name={name} client={bob.client} />)
    await shows('held', 'watcher')
    first.unmount()
    await macrotasks()
    await lease.release()
    const saw: LockStatusResult[] = []
    render(<Watcher name={name} client={bob.client} saw={saw} />)
    await shows('free', 'watcher')
    expect(new Set(saw.map(({ status }) => status))).toEqual(new Set(['unknown', 'free']))
  })

  it('goes on with what is known when another component takes over the watch', async () => {
    const { client } = world.person()
    const name = freshName()
    const { rerender } = render(<Watcher key="a" name={name} client={client} />)
    await shows('free', 'watcher')
    const saw: LockStatusResult[] = []
    rerender(<Watcher key="b" name={name} client={client} saw={saw} />)
    await macrotasks()
    expect(new Set(saw.map(({ status }) => status))).toEqual(new Set(['free']))
  })

  it('selects', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name, { info: 'Alice' })
    const saw: unknown[] = []
    function Name(): ReactElement {
      const who = useLockStatus(name, { client: bob.client, select: ({ holder }) => holder?.info ?? 'nobody' })
      saw.push(who)
      return <output aria-label="watcher">{String(who)}</output>
    }
    render(<Name />)
    await shows('Alice', 'watcher')
    expect(saw.filter((value, index) => value !== saw[index - 1])).toEqual(['nobody', 'Alice'])
  })

  it('watches nothing without a name', async () => {
    const { client, wire } = world.person()
    const saw: LockStatusResult[] = []
    render(<Watcher name={null} client={client} saw={saw} />)
    await macrotasks()
    expect(saw.at(-1)).toMatchObject({ name: null, status: 'unknown' })
    expect(wire).toEqual([])
  })

  it.each(['constructor', '__proto__'])('knows nothing of a lock called %s before the server said so', (name) => {
    const { client } = world.person()
    const saw: LockStatusResult[] = []
    render(<Watcher name={name} client={client} saw={saw} />)
    expect(saw[0]).toMatchObject({ name, status: 'unknown', holder: null })
  })
})
