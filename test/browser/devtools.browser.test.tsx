import axe from 'axe-core'
import { StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { LockDevtools, type LockDevtoolsProps } from '../../src/devtools/production.ts'
import { Lockable, type LockableOptions } from '../../src/index.ts'
import { createHandler } from '../../src/server/handler.ts'

/** A page that is as rude as pages are. */
const RUDE_STYLES =
  '* { letter-spacing: 5px; font-size: 30px; color: red; box-sizing: content-box; text-transform: uppercase }'

let root: Root
let app: HTMLElement
let server: ReturnType<typeof createHandler>
const clients: Lockable[] = []

function client(options: LockableOptions = {}): Lockable {
  const made = new Lockable({
    url: 'http://localhost',
    fetch: (input, init) => server.fetch(new Request(input, init)),
    leaseDuration: 2000,
    ...options,
  })
  clients.push(made)
  return made
}

/** Shows the page, and resolves when its devtools are there. */
async function open(props: LockDevtoolsProps): Promise<void> {
  root.render(
    <StrictMode>
      <main>
        <h1>A page</h1>
        <input aria-label="A field of the page" />
      </main>
      <LockDevtools {...props} />
    </StrictMode>,
  )
  await vi.waitFor(() => expect(shadow().querySelector('.panel, .trigger')).not.toBeNull())
}

function shadow(): ShadowRoot {
  const found = document.querySelector<HTMLElement>('[data-lock-devtools]')?.shadowRoot
  if (!found) throw new Error('There is no panel.')
  return found
}

const panel = page.getByRole('region', { name: 'Lock devtools' })
const focused = () => shadow().activeElement

beforeEach(() => {
  localStorage.clear()
  server = createHandler({ lease: { minMs: 500 } })
  app = document.body.appendChild(document.createElement('div'))
  root = createRoot(app)
})
afterEach(async () => {
  root.unmount()
  app.remove()
  await Promise.all(clients.splice(0).map((one) => one.close()))
  await server.close()
})

describe('the panel and the page', () => {
  it('keeps the styles of the page out, without a style element', async () => {
    const style = document.head.appendChild(document.createElement('style'))
    style.textContent = RUDE_STYLES
    await open({ client: client(), initialIsOpen: true })
    await expect.element(panel).toBeVisible()
    const { letterSpacing, fontSize, textTransform } = getComputedStyle(panel.element())
    expect({ letterSpacing, fontSize, textTransform }).toEqual({
      letterSpacing: 'normal',
      fontSize: '12px',
      textTransform: 'none',
    })
    expect(shadow().querySelector('style')).toBeNull()
    expect(shadow().adoptedStyleSheets).toHaveLength(1)
    style.remove()
  })

  it('keeps its own events in', async () => {
    const heard = vi.fn()
    for (const type of ['keydown', 'keyup', 'pointerdown', 'mousedown', 'click', 'focusin']) {
      document.addEventListener(type, heard)
    }
    await open({ client: client(), initialIsOpen: true })
    await panel.getByRole('button', { name: /^Theme/ }).click()
    await userEvent.keyboard('{ArrowDown}x')
    expect(heard).not.toHaveBeenCalled()
    for (const type of ['keydown', 'keyup', 'pointerdown', 'mousedown', 'click', 'focusin']) {
      document.removeEventListener(type, heard)
    }
  })

  it('tells the page how much of the window it takes', async () => {
    const inset = () => document.documentElement.style.getPropertyValue('--lock-devtools-inset-bottom')
    await open({ client: client(), initialIsOpen: true })
    await expect.element(panel).toBeVisible()
    expect(inset()).toBe('min(340px, 85vh)')
    const edge = panel.getByRole('separator').element() as HTMLElement
    edge.focus()
    await userEvent.keyboard('{ArrowUp}')
    await vi.waitFor(() => expect(inset()).toBe('min(360px, 85vh)'))
    await panel.getByRole('button', { name: 'Close lock devtools' }).click()
    await vi.waitFor(() => expect(inset()).toBe(''))
  })
})

describe('the keyboard', () => {
  it('opens by the hotkey, takes the focus in, and brings it back', async () => {
    const one = client()
    await one.acquire('a')
    await open({ client: one })
    const field = page.getByRole('textbox', { name: 'A field of the page' })
    await field.click()
    await userEvent.keyboard('{Alt>}{Shift>}L{/Shift}{/Alt}')
    await expect.element(panel).toBeVisible()
    await vi.waitFor(() => expect(focused()?.getAttribute('role')).toBe('option'))
    await userEvent.keyboard('{Escape}')
    expect(panel.query()).toBeNull()
    await vi.waitFor(() => expect(document.activeElement).toBe(field.element()))
  })

  it('brings the focus back to the button that opened it', async () => {
    await open({ client: client() })
    await page.getByRole('button', { name: 'Locks' }).click()
    await expect.element(panel).toBeVisible()
    await userEvent.keyboard('{Escape}')
    await vi.waitFor(() => expect(focused()?.className).toBe('trigger'))
  })

  it('does not close by Escape in the page, and does not take the focus when the page loads', async () => {
    await open({ client: client(), initialIsOpen: true })
    await expect.element(panel).toBeVisible()
    expect(focused()).toBeNull()
    await page.getByRole('textbox', { name: 'A field of the page' }).click()
    await userEvent.keyboard('{Escape}')
    expect(panel.query()).not.toBeNull()
  })

  it('walks the list with arrows, Home and End, and stops there once with Tab', async () => {
    const one = client()
    for (const name of ['a', 'b', 'c']) await one.acquire(name)
    await open({ client: one, initialIsOpen: true })
    await panel.getByRole('option', { name: 'a' }).click()
    const selected = () => shadow().querySelector('[aria-selected=true]')
    for (const [key, name] of [
      ['{ArrowDown}', 'b'],
      ['{End}', 'c'],
      ['{ArrowDown}', 'c'],
      ['{Home}', 'a'],
      ['{ArrowUp}', 'a'],
    ] as const) {
      await userEvent.keyboard(key)
      expect(focused()).toBe(selected())
      expect(selected()?.textContent).toMatch(new RegExp(`^${name}held`))
    }
    expect(shadow().querySelectorAll('[role=option][tabindex="0"]')).toHaveLength(1)
  })
})

describe('a real lock', () => {
  it('is taken, loses its heartbeats, is lost, and is taken again', async () => {
    const one = client()
    const lock = one.lock('doc:42')
    await open({ client: one, initialIsOpen: true })
    await lock.acquire()
    const option = panel.getByRole('option', { name: /doc:42/ })
    await expect.element(option).toHaveTextContent('held')
    await panel.getByRole('button', { name: 'Pause heartbeats' }).click()
    await expect.element(panel).toHaveTextContent('1 fault active')
    await expect.element(option, { timeout: 4000 }).toHaveTextContent('lost')
    await expect.element(panel).toHaveTextContent('Why doc:42 was lost')
    await panel.getByRole('button', { name: 'Acquire' }).click()
    await expect.element(option).toHaveTextContent('held')
    expect(lock.state).toBe('held')
    await panel.getByRole('button', { name: 'Release' }).click()
    await expect.element(option).toHaveTextContent('idle')
  })
})

describe('accessibility', () => {
  it.each(['light', 'dark'] as const)('has no violations in the %s theme', async (theme) => {
    const [alice, bob] = [client(), client()]
    const lost = await alice.acquire('lost')
    alice.pauseHeartbeats('1', true)
    await alice.acquire('held')
    bob.acquire('held', { info: { name: 'Bob' } }).catch(() => {})
    await vi.waitFor(() => expect(lost.state).toBe('lost'), { timeout: 4000 })
    await open({ clients: { Alice: alice, Bob: bob }, theme, initialIsOpen: true })
    await expect.element(panel).toHaveTextContent('Why lost was lost')
    const { violations } = await axe.run(document)
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  })
})
