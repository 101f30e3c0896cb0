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

/** The platform that the program of a user is for, by what it tells the compiler. */
const PLATFORMS = {
  'a browser': { lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [] },
  Node: { lib: ['ES2023'], types: ['node'] },
  both: { lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: ['node'] },
  'the newest of everything': { lib: ['ESNext', 'DOM', 'DOM.Iterable'], types: ['node'] },
}

const MODULES = {
  bundler: { module: 'ESNext', moduleResolution: 'bundler' },
  nodenext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
}

type Platform = keyof typeof PLATFORMS

const PROGRAMS: readonly [title: string, file: string, code: string, platforms: readonly Platform[]][] = [
  ['the client', 'core.ts', CORE, ['a browser', 'Node', 'both', 'the newest of everything']],
  ['await using', 'using.ts', USING, ['the newest of everything']],
  ['the server', 'server.ts', SERVER, ['Node', 'both', 'the newest of everything']],
  ['React', 'react.tsx', REACT, ['a browser', 'both', 'the newest of everything']],
]

describe.each(PROGRAMS)('the types of %s are sound', (_, file, code, platforms) => {
  it.each(
    platforms.flatMap((platform) => Object.keys(MODULES).map((module) => [platform, module as keyof typeof MODULES])),
  )('for %s, resolved as in %s', async (platform, module) => {
    const folder = join(consumers.web, 'types', `${file}-${Object.keys(PLATFORMS).indexOf(platform)}-${module}`)
    const compilerOptions = {
      ...MODULES[module],
      ...PLATFORMS[platform],
      target: 'ES2022',
      jsx: 'react-jsx',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    }
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, file), code)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    const outcome = await new Child(process.execPath, [TSC, '-p', folder], { cwd: folder }).ended
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})
