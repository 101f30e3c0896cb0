// @vitest-environment jsdom
import { act, render } from '@testing-library/react'
import { StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { describe, expect, it, vi } from 'vitest'
import { LockProvider, useLeaseCountdown, useLock, useLockStatus } from '../../src/react/index.ts'
import { Editor } from './editor.tsx'
import { freshName, macrotasks, shows, startWorld } from './harness.tsx'

const world = startWorld()

function Screen({ name }: { readonly name: string }) {
  const lock = useLock(name)
  const isHeld = useLock(name, { select: (it) => it.isHeld })
  const { status, isMine } = useLockStatus(name)
  const left = useLeaseCountdown(name)
  return <output aria-label="editor">{JSON.stringify([lock.status, isHeld, status, isMine, left === null])}</output>
}

const SERVER = JSON.stringify(['idle', false, 'unknown', false, true])
const HELD = JSON.stringify(['held', true, 'held', true, false])

describe('a server', () => {
  it('renders idle and asks nothing, also when its client holds the lock', async () => {
    const { client, wire } = world.person()
    const name = freshName()
    render(<Editor name={name} client={client} />)
    await shows('held')
    const html = renderToString(
      <LockProvider client={client}>
        <Screen name={name} />
      </LockProvider>,
    )
    expect(html).toContain(SERVER.replaceAll('"', '&quot;'))
    await macrotasks()
    expect(wire).toEqual([`acquire ${name}`])
  })
})

describe('hydration', () => {
  it('begins with what the server rendered and goes on to what is, without a complaint', async () => {
    const error = vi.spyOn(console, 'error')
    const { client } = world.person()
    const name = freshName()
    const app = (
      <StrictMode>
        <LockProvider client={client}>
          <Screen name={name} />
        </LockProvider>
      </StrictMode>
    )
    const container = document.body.appendChild(document.createElement('div'))
    container.innerHTML = renderToString(app)
    expect(container.textContent).toBe(SERVER)
    // Somebody else on the page holds it already.
    render(<Editor name={name} client={client} label="other" />)
    await shows('held', 'other')
    const root = await act(async () => hydrateRoot(container, app))
    await shows(HELD)
    expect(error).not.toHaveBeenCalled()
    act(() => root.unmount())
    container.remove()
  })
})
