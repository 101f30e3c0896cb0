import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Child } from './child.ts'
import { consumers } from './consumers.ts'

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** As text: in this repository the package has no types before it is built. */
const CORE = `
import { isLockableError, Lock, Lockable, type LockableEvent, type Lease, type LockOptions } from 'lockable'

const options: LockOptions = { timeout: 1_000, onLockLoss: (loss) => void loss.cause.toUpperCase() }
const lockable = new Lockable({ url: 'http://127.0.0.1:5625', authToken: async () => 'token' })
const lock: Lock = lockable.lock('name', options)
const lease: Lease = await lock.acquire({ signal: new AbortController().signal })
export const token: number | null = lease.fencingToken
export const length: number = await lock.run(() => 'text').then((text) => text.length)
export const stop: () => void = lockable.subscribe((event: LockableEvent) => {
  if (event.type === 'lost') void event.loss.sentence
})
export const codes = (error: unknown) => (isLockableError(error) ? error.code : null)

// @ts-expect-error: that there are types at all, and not any.
export const wrong: string = lease.fencingToken
`

const USING = `
import { Lockable } from 'lockable'

await using lockable = new Lockable()
await using lease = await lockable.acquire('name')
lease.assertHeld()
`

const SERVER = `
import { createHandler, type LockHandler } from 'lockable/server'

const handler: LockHandler = createHandler({ tokens: ['token'] })
export const response: Promise<Response> | Response = handler.fetch(new Request('http://127.0.0.1/v1'))
`

const REACT = `
import type { Lockable } from 'lockable'
import { LockDevtools } from 'lockable/devtools'
import { LockProvider, useLock } from 'lockable/react'
import { createLockStore } from 'lockable/store'

function Editor() {
  const lock = useLock('name')
  return <p>{lock.isHeld ? lock.status : 'waiting'}</p>
}

export function App({ client }: { client: Lockable }) {
  return <LockProvider client={client}><Editor /><LockDevtools /></LockProvider>
}

export { createLockStore }
`

interface Platform {
  readonly lib: readonly string[]
  readonly types: readonly string[]
  /** The programs that are written for it, by the names of their files. */
  readonly files: Readonly<Record<string, string>>
}

/** What the program of a user is for, by what it tells the compiler. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  'a browser': { lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [], files: { 'core.ts': CORE, 'react.tsx': REACT } },
  Node: { lib: ['ES2023'], types: ['node'], files: { 'core.ts': CORE, 'server.ts': SERVER } },
  both: {
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    files: { 'core.ts': CORE, 'react.tsx': REACT, 'server.ts': SERVER },
  },
  'the newest of everything': {
    lib: ['ESNext', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    files: { 'core.ts': CORE, 'using.ts': USING, 'react.tsx': REACT, 'server.ts': SERVER },
  },
}

/** How it finds packages. */
const MODULES = {
  bundler: { module: 'ESNext', moduleResolution: 'bundler' },
  nodenext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
}

describe.each(Object.entries(PLATFORMS))('the types are sound for %s', (platform, { lib, types, files }) => {
  it.each(Object.entries(MODULES))('with the resolution %s', async (resolution, modules) => {
    const folder = join(consumers.web, 'types', `${platform}, ${resolution}`)
    const compilerOptions = {
      ...modules,
      lib,
      types,
      target: 'ES2022',
      jsx: 'react-jsx',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    }
    await mkdir(folder, { recursive: true })
    for (const [file, code] of Object.entries(files)) await writeFile(join(folder, file), code)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }))
    const outcome = await new Child(process.execPath, [TSC, '-p', folder], { cwd: folder }).ended
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})
