// @vitest-environment jsdom
import { act, render, screen } from '@testing-library/react'
import { Activity, type ReactNode, Suspense, use, useState } from 'react'
import { describe, expect, it } from 'vitest'
import { Editor } from './editor.tsx'
import { freshName, macrotasks, next, shown, shows, startWorld } from './harness.tsx'

const world = startWorld()

/** Something to suspend on, and the way to end that. */
function suspension(): { readonly until: Promise<void>; readonly end: () => void } {
  let end = () => {}
  const until = new Promise<void>((resolve) => {
    end = resolve
  })
  return { until, end }
}

function Waits({ until }: { readonly until: Promise<unknown> | null }): ReactNode {
  if (until !== null) use(until)
  return null
}

describe('Suspense', () => {
  it('takes no lock for what suspends on its first mount, until it is there', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { until, end } = suspension()
    await act(async () =>
      render(
        <Suspense fallback={<p>loading</p>}>
          <Editor name={name} client={client} />
          <Waits until={until} />
        </Suspense>,
      ),
    )
    screen.getByText('loading')
    await macrotasks()
    expect(wire).toEqual([])
    end()
    await shows('held')
    expect(wire).toEqual([`acquire ${name}`])
  })

  it('keeps the lock of what suspends when it is mounted', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const { until, end } = suspension()
    const tree = (on: Promise<unknown> | null) => (
      <Suspense fallback={<p>loading</p>}>
        <Editor name={name} client={client} />
        <Waits until={on} />
      </Suspense>
    )
    const { rerender } = render(tree(null))
    await shows('held')
    await act(async () => rerender(tree(until)))
    screen.getByText('loading')
    await macrotasks()
    expect(wire).toEqual([`acquire ${name}`])
    end()
    await shows('held')
    expect(wire).toEqual([`acquire ${name}`])
  })
})

describe('Activity', () => {
  const tree = (mode: 'visible' | 'hidden', editor: ReactNode) => <Activity mode={mode}>{editor}</Activity>

  it('takes no lock for what is hidden from the start', async () => {
    const { client, wire } = world.person()
    const editor = <Editor name={freshName()} client={client} />
    const { rerender } = render(tree('hidden', editor))
    await macrotasks()
    expect(wire).toEqual([])
    rerender(tree('visible', editor))
    await shows('held')
  })

  it('releases the lock of what is hidden, and takes it again when it is shown', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    const editor = <Editor name={name} client={client} />
    const { rerender } = render(tree('visible', editor))
    await shows('held')
    const released = next(client, 'release.answered')
    rerender(tree('hidden', editor))
    await released
    rerender(tree('visible', editor))
    await shows('held')
    expect(wire).toEqual([`acquire ${name}`, `release ${name}`, `acquire ${name}`])
  })
})

describe('moving on within a screen', () => {
  it('keeps the lock when another component takes over its name in one commit', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    function Screen(): ReactNode {
      const [isEditing, setEditing] = useState(false)
      return (
        <>
          <button type="button" onClick={() => setEditing(true)}>
            edit
          </button>
          {isEditing ? (
            <section>
              <Editor name={name} client={client} />
            </section>
          ) : (
            <Editor name={name} client={client} />
          )}
        </>
      )
    }
    render(<Screen />)
    await shows('held')
    screen.getByText('edit').click()
    await macrotasks()
    expect(shown()).toBe('held')
    expect(wire).toEqual([`acquire ${name}`])
  })
})
