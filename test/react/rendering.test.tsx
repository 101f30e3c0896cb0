// @vitest-environment jsdom
import { render, screen } from '@testing-library/react'
import { Component, type ReactElement, type ReactNode } from 'react'
import { describe, expect, it, vi } from 'vitest'
import { type LockSelector, type UseLockOptions, useLock } from '../../src/react/index.ts'
import { serve } from '../../src/server/node.ts'
import { Editor, Probe } from './editor.tsx'
import { freshName, macrotasks, next, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

describe('renders', () => {
  it('nothing on heartbeats', async () => {
    const { client } = world.person()
    const probe = new Probe()
    render(<Editor name={freshName()} client={client} probe={probe} />)
    await shows('held')
    const { renders, lock } = { renders: probe.renders, lock: probe.lock }
    for (let beat = 0; beat < 10; beat += 1) await next(client, 'heartbeat.ok')
    expect(probe.renders).toBe(renders)
    expect(probe.lock).toBe(lock)
  })

  it('the same object when the parent renders, and the same functions for ever', async () => {
    const { client } = world.person()
    const name = freshName()
    const probe = new Probe()
    const { rerender } = render(<Editor name={name} client={client} probe={probe} />)
    const { acquire, release, takeOver } = probe.lock
    await shows('held')
    const held = probe.lock
    rerender(<Editor name={name} client={client} probe={probe} info="new" />)
    expect(probe.lock).toBe(held)
    rerender(<Editor name={freshName()} client={client} probe={probe} />)
    await shows('held')
    expect(probe.lock).toMatchObject({ acquire, release, takeOver })
  })

  it('what it is named, from the first render on', () => {
    const { client } = world.person()
    const name = freshName()
    const probe = new Probe()
    render(<Editor name={name} client={client} probe={probe} />)
    expect(probe.lock.name).toBe(name)
  })
})

describe('select', () => {
  function Selected({
    name,
    options,
    select,
    saw,
  }: {
    readonly name: string
    readonly options: UseLockOptions
    readonly select: LockSelector<unknown>
    readonly saw: unknown[]
  }): ReactElement {
    saw.push(useLock(name, { ...options, select }))
    return <p>{saw.length}</p>
  }

  it('renders only when what it returns changes', async () => {
    const person = world.person()
    const name = freshName()
    const saw: unknown[] = []
    render(<Selected name={name} options={person} select={({ isHeld }) => isHeld} saw={saw} />)
    await next(person.client, 'granted')
    await vi.waitFor(() => expect(saw.at(-1)).toBe(true))
    const renders = saw.length
    person.heartbeatsPass = false
    await next(person.client, 'health')
    await macrotasks()
    expect(saw).toHaveLength(renders)
    expect(saw.filter((value, index) => value !== saw[index - 1])).toEqual([false, true])
  })

  it('is not asked when nothing changed', async () => {
    const person = world.person()
    const name = freshName()
    const saw: unknown[] = []
    const select = vi.fn<LockSelector<boolean>>(({ isHeld }) => isHeld)
    render(<Selected name={name} options={person} select={select} saw={saw} />)
    await vi.waitFor(() => expect(saw.at(-1)).toBe(true))
    const asked = select.mock.calls.length
    await next(person.client, 'heartbeat.ok')
    await (await person.client.acquire(freshName())).release()
    expect(select).toHaveBeenCalledTimes(asked)
  })

  it('may return a fresh object each time, which stays the same while its members do', async () => {
    const person = world.person()
    const name = freshName()
    const saw: unknown[] = []
    const tree = (
      <Selected name={name} options={person} select={({ isHeld, acquire }) => ({ isHeld, acquire })} saw={saw} />
    )
    const { rerender } = render(tree)
    await vi.waitFor(() => expect(saw.at(-1)).toMatchObject({ isHeld: true }))
    const selected = saw.at(-1)
    rerender(
      <Selected name={name} options={person} select={({ isHeld, acquire }) => ({ isHeld, acquire })} saw={saw} />,
    )
    expect(saw.at(-1)).toBe(selected)
  })

  it('goes by the selector of the latest render', async () => {
    const person = world.person()
    const name = freshName()
    const saw: unknown[] = []
    const { rerender } = render(<Selected name={name} options={person} select={({ status }) => status} saw={saw} />)
    await vi.waitFor(() => expect(saw.at(-1)).toBe('held'))
    rerender(<Selected name={name} options={person} select={({ health }) => health} saw={saw} />)
    expect(saw.at(-1)).toBe('ok')
    person.heartbeatsPass = false
    await vi.waitFor(() => expect(saw.at(-1)).toBe('offline'))
  })
})

describe('throwOnError', () => {
  class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
    override state = { error: null }

    static getDerivedStateFromError(error: Error) {
      return { error }
    }

    override render(): ReactNode {
      const { error } = this.state as { error: Error | null }
      return error ? <p role="alert">{error.message}</p> : this.props.children
    }
  }

  const badName = 'a/../b'

  it.each([
    ['true', true],
    ['a function that says so', ({ message }: Error) => message.includes('path segment')],
  ])('throws to the error boundary with %s', async (_, throwOnError) => {
    vi.spyOn(console, 'error').mockReturnValue()
    const { client } = world.person()
    render(
      <Boundary>
        <Editor name={badName} client={client} throwOnError={throwOnError} />
      </Boundary>,
    )
    expect((await screen.findByRole('alert')).textContent).toContain('path segment')
  })

  it('throws whatever is selected', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const { client } = world.person()
    function Selecting(): ReactElement {
      return <p>{String(useLock(badName, { client, throwOnError: true, select: ({ isHeld }) => isHeld }))}</p>
    }
    render(
      <Boundary>
        <Selecting />
      </Boundary>,
    )
    expect((await screen.findByRole('alert')).textContent).toContain('path segment')
  })

  it.each([
    ['by default', undefined],
    ['with a function that says no', () => false],
  ])('does not throw %s', async (_, throwOnError) => {
    const { client } = world.person()
    render(
      <Boundary>
        <Editor name={badName} client={client} throwOnError={throwOnError} />
      </Boundary>,
    )
    await shows('failed')
  })

  it('does not throw what is no failure: somebody else holds', async () => {
    const [alice, bob] = [world.person(), world.person()]
    const name = freshName()
    await alice.client.acquire(name)
    render(
      <Boundary>
        <Editor name={name} client={bob.client} throwOnError blocking={false} />
      </Boundary>,
    )
    await shows('blocked')
    await macrotasks()
    expect(shown()).toBe('blocked')
  })
})

describe('failed', () => {
  it('stays until acquire(), whose rejection need not be handled', async () => {
    const server = await serve({ port: 0, tokens: ['a-token-that-is-not-given'] })
    try {
      const { client } = world.person({ url: server.url })
      const probe = new Probe()
      const onError = vi.fn()
      render(<Editor name={freshName()} client={client} probe={probe} onError={onError} />)
      await shows('failed')
      expect(probe.lock).toMatchObject({ error: { code: 'authentication' }, isHeld: false })
      expect(onError).toHaveBeenCalledExactlyOnceWith(probe.lock.error)
      void probe.lock.acquire()
      await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2))
      await shows('failed')
      expect(probe.statuses).toEqual(['idle', 'acquiring', 'failed', 'acquiring', 'failed'])
    } finally {
      await server.close()
    }
  })
})
