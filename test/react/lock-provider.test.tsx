// @vitest-environment jsdom
import { render } from '@testing-library/react'
import type { ReactElement } from 'react'
import { describe, expect, it, vi } from 'vitest'
import type { Lockable } from '../../src/index.ts'
import { LockProvider, useLock, useLockClient } from '../../src/react/index.ts'
import { freshName, shows, startWorld } from './harness.tsx'

const world = startWorld()

function Client({ client, saw }: { readonly client?: Lockable; readonly saw: Lockable[] }): ReactElement {
  saw.push(useLockClient(client))
  return <p />
}

describe('LockProvider', () => {
  it('gives its client to the hooks below it, the nearest one first', () => {
    const [outer, inner] = [world.person(), world.person()]
    const saw: Lockable[] = []
    render(
      <LockProvider client={outer.client}>
        <LockProvider client={inner.client}>
          <Client saw={saw} />
        </LockProvider>
      </LockProvider>,
    )
    expect(saw.at(-1)).toBe(inner.client)
  })

  it('gives way to the client of the option', async () => {
    const [outer, own] = [world.person(), world.person()]
    const name = freshName()
    function Screen(): ReactElement {
      return <output aria-label="editor">{useLock(name, { client: own.client }).status}</output>
    }
    render(
      <LockProvider client={outer.client}>
        <Screen />
      </LockProvider>,
    )
    await shows('held')
    expect(own.wire).toEqual([`acquire ${name}`])
    expect(outer.wire).toEqual([])
  })

  it('is asked for when it is missing, with the way to mend it', () => {
    vi.spyOn(console, 'error').mockReturnValue()
    expect(() => render(<Client saw={[]} />)).toThrow(
      'No lock client set: wrap the tree in <LockProvider client={client}>, or pass { client } to the hook.',
    )
  })
})
