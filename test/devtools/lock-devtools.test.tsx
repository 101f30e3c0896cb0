// @vitest-environment jsdom
import { act, cleanup, configure, render } from '@testing-library/react'
import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as root from '../../src/devtools/index.ts'
import { LockDevtools, LockDevtoolsPanel } from '../../src/devtools/production.ts'
import { LockProvider } from '../../src/react/index.ts'
import { type FakeClient, fakeClient, happened } from './fake-client.ts'

configure({ reactStrictMode: true })

/** React unmounts the inner root in a microtask. */
const settle = () => act(async () => {})

function shadow(): ShadowRoot {
  const host = document.querySelector<HTMLElement>('[data-lock-devtools]')
  if (!host?.shadowRoot) throw new Error('There is no host with a shadow root.')
  return host.shadowRoot
}

const panel = () => shadow().querySelector('section[aria-label="Lock devtools"]')
const trigger = () => shadow().querySelector<HTMLButtonElement>('.trigger')
const button = (label: string) =>
  [...shadow().querySelectorAll('button')].find(
    (one) => one.textContent?.includes(label) || one.getAttribute('aria-label')?.includes(label),
  )

async function click(label: string): Promise<void> {
  await act(async () => button(label)?.click())
}

let fake: FakeClient
beforeEach(() => {
  localStorage.clear()
  fake = fakeClient()
  fake.emit({ type: 'dialect', dialect: 'owned' })
  fake.emit(happened.started('1', 'doc:42'))
  fake.emit(happened.granted('1', 'doc:42'))
})
afterEach(async () => {
  cleanup()
  await settle()
})

describe('LockDevtools', () => {
  it('costs nothing while it is closed', async () => {
    vi.useFakeTimers()
    render(<LockDevtools client={fake.client} />)
    await settle()
    expect(trigger()).not.toBeNull()
    expect(panel()).toBeNull()
    expect(fake.listeners()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  it('opens and closes, and costs nothing afterwards either', async () => {
    const onOpenChange = vi.fn()
    render(<LockDevtools client={fake.client} onOpenChange={onOpenChange} />)
    await settle()
    await act(async () => trigger()?.click())
    expect(panel()).not.toBeNull()
    expect(fake.listeners()).toBeGreaterThan(0)
    await click('Close lock devtools')
    expect(panel()).toBeNull()
    expect(fake.listeners()).toBe(0)
    expect(onOpenChange.mock.calls).toEqual([[true], [false]])
  })

  it('shows the locks with a word for their state, and what is left', async () => {
    render(<LockDevtools client={fake.client} initialIsOpen />)
    await settle()
    const option = shadow().querySelector('[role=option]')
    expect(option?.textContent).toContain('doc:42')
    expect(option?.textContent).toContain('held')
    expect(option?.textContent).toContain('8.0 s left')
  })

  it('tells why a lock was lost', async () => {
    render(<LockDevtools client={fake.client} initialIsOpen />)
    fake.emit(happened.lost('1', 'doc:42'))
    await settle()
    await vi.waitFor(() => expect(panel()?.textContent).toContain('Why doc:42 was lost'))
    expect(panel()?.textContent).toContain('Bob took over.')
    expect(panel()?.textContent).toContain('Ask Bob.')
    await click('Dismiss')
    expect(shadow().querySelector('[role=option]')).toBeNull()
  })

  it('pauses heartbeats, and warns as long as they are', async () => {
    render(<LockDevtools client={fake.client} initialIsOpen />)
    await settle()
    await click('Pause heartbeats')
    expect(fake.pauses).toEqual([['1', true]])
    await act(async () => void fake.emit(happened.paused('1', 'doc:42')))
    await vi.waitFor(() => expect(panel()?.textContent).toContain('1 fault active'))
    await click('Close')
    expect(trigger()?.textContent).toContain('1 fault active')
    expect(fake.listeners()).toBe(1)
    await act(async () => void fake.emit(happened.resumed('1', 'doc:42')))
    expect(trigger()?.textContent).not.toContain('fault')
    expect(fake.listeners()).toBe(0)
  })

  it('can be opened and closed by the application, and have no button', async () => {
    const { rerender } = render(<LockDevtools client={fake.client} open={false} trigger={false} />)
    await settle()
    expect(trigger()).toBeNull()
    rerender(<LockDevtools client={fake.client} open trigger={false} />)
    await settle()
    expect(panel()).not.toBeNull()
  })

  it('leaves nothing behind', async () => {
    const { unmount } = render(<LockDevtools client={fake.client} initialIsOpen />)
    await settle()
    unmount()
    await settle()
    expect(document.querySelector('[data-lock-devtools]')).toBeNull()
    expect(document.documentElement.getAttribute('style') ?? '').toBe('')
    expect(fake.listeners()).toBe(0)
  })

  it('takes the client of the provider, and says how to give one', async () => {
    render(
      <LockProvider client={fake.client}>
        <LockDevtools initialIsOpen />
      </LockProvider>,
    )
    await settle()
    expect(panel()?.textContent).toContain('doc:42')
    vi.spyOn(console, 'error').mockImplementation(() => {})
    expect(() => render(<LockDevtools />)).toThrow(/LockProvider/)
  })

  it('shows several clients, whichever way they are given', async () => {
    const bob = fakeClient()
    bob.emit(happened.started('1', 'doc:42'))
    bob.emit(happened.waiting('1', 'doc:42'))
    render(<LockDevtools clients={{ Alice: fake.client, Bob: bob.client }} initialIsOpen />)
    await settle()
    const options = [...shadow().querySelectorAll('[role=option]')].map((option) => option.textContent)
    expect(options).toHaveLength(2)
    expect(options[1]).toMatch(/doc:42.*waiting.*1st in line · Alice holds.*Bob/)
  })

  it('renders nothing on a server', () => {
    expect(renderToString(<LockDevtools client={fake.client} initialIsOpen />)).toBe('')
    expect(renderToString(<root.LockDevtools client={fake.client} />)).toBe('')
  })
})

describe('LockDevtoolsPanel', () => {
  it('is a part of the page, and rests while it is not seen', async () => {
    const { rerender } = render(<LockDevtoolsPanel client={fake.client} />)
    await settle()
    expect(panel()?.textContent).toContain('doc:42')
    rerender(<LockDevtoolsPanel client={fake.client} active={false} />)
    await settle()
    expect(panel()).toBeNull()
    expect(fake.listeners()).toBe(0)
  })
})

describe('the entry of the package', () => {
  it('brings the devtools later, without suspending the application', async () => {
    render(
      <StrictMode>
        <p>app</p>
        <root.LockDevtools client={fake.client} />
      </StrictMode>,
    )
    expect(document.body.textContent).toBe('app')
    await vi.waitFor(() => expect(trigger()).not.toBeNull())
  })
})
