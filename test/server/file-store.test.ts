import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, it, vi } from 'vitest'
import { createFileStore, type FileStoreOptions, serve } from '../../src/server/node.ts'
import type { LockStore } from '../../src/server/store.ts'
import { freshPath, startCommand, urlOf } from './command.ts'
import { take } from './session-bench.ts'
import { ANYBODY } from './store-bench.ts'

const LEASE = 60_000
const TIMEOUT = 30_000

function acquire(store: LockStore, name: string, owner: string) {
  const options = {
    principal: ANYBODY,
    waitMs: 0,
    mode: 'exclusive',
    ifAvailable: false,
    steal: null,
    info: owner,
  } as const
  return store.acquire({ namespace: '', name, owner, leaseMs: LEASE, ...options })
}

function sync(store: LockStore, seq: number, open: boolean) {
  const commands = [...(open ? [take('s', { name: 'of a session' })] : []), { op: 'sync' } as const]
  const opening = open ? { leaseMs: LEASE, info: null } : null
  return store.execute({ namespace: '', session: 'S', principal: ANYBODY, open: opening, seq, confirm: [], commands })
}

async function post(url: string, path: string, body: object): Promise<Reply> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, ...((await response.json()) as Omit<Reply, 'status'>) }
}

interface Reply {
  readonly status: number
  readonly response?: boolean
  readonly fencing_token?: number
}

describe('a store in a file', { timeout: TIMEOUT }, () => {
  it('keeps locks, sessions, tokens and seq when it is opened again', async () => {
    const path = freshPath('deep/kept')
    const before = await createFileStore(path)
    const held = await acquire(before, 'a/ö 𝄞', 'owner')
    await acquire(before, 'released', 'gone')
    await before.release({ namespace: '', name: 'released', owner: 'gone' })
    const first = await sync(before, 5, true)
    const { lastToken } = before
    await before.close()

    const after = await createFileStore(path)
    expect(after.traits).toEqual({ kind: 'file', durable: true, linearizable: true, restart: 'durable' })
    expect(after.lastToken).toBe(lastToken)
    expect(await acquire(after, 'a/ö 𝄞', 'owner')).toMatchObject({
      fencingToken: held.kind === 'granted' && held.fencingToken,
    })
    expect((await acquire(after, 'a/ö 𝄞', 'other')).kind).toBe('refused')
    expect((await after.inspect({ namespace: '', name: 'released' })).mode).toBeNull()
    expect(await sync(after, 5, false)).toEqual({ kind: 'seq-spent', highest: 5 })
    const second = await sync(after, 6, false)
    if (first.kind !== 'executed' || second.kind !== 'executed') throw new Error('not executed')
    expect(second.standing.epoch).toBeGreaterThan(first.standing.epoch)
    expect(second.outcomes[0]).toEqual(first.outcomes[1])
    const next = await acquire(after, 'next', 'owner')
    expect(next.kind === 'granted' && next.fencingToken).toBeGreaterThan(lastToken)
    await after.close()
    await expect(acquire(after, 'next', 'late')).rejects.toThrow('This store is closed.')
  })

  it('lets a grant last, which a crash of the machine must not take away, and hurries with nothing else', async () => {
    const batch = vi.spyOn(ClassicLevel.prototype, 'batch')
    const store = await createFileStore(freshPath('lasting'))
    const lasting = () => batch.mock.calls.map((call) => (call as unknown[])[1])
    await acquire(store, 'k', 'a')
    expect(lasting()).toEqual([{ sync: true }, { sync: true }])
    await store.release({ namespace: '', name: 'k', owner: 'a' })
    await store.close()
    expect(lasting()).toEqual([{ sync: true }, { sync: true }, { sync: false }])
    batch.mockRestore()
  })

  it('is told by the server that has it', async () => {
    const store = await createFileStore(freshPath('served'))
    const server = await serve({ port: 0, store })
    const service = await (await fetch(`${server.url}/v1`)).json()
    expect(service).toMatchObject({
      store: { kind: 'file', durable: true, linearizable: true },
      restart: 'durable',
    })
    await server.close()
    await store.close()
  })

  it('begins its tokens above a floor, and keeps that', async () => {
    const path = freshPath('floor')
    const tokenFloor = 2 ** 51
    const store = await createFileStore(path, { tokenFloor })
    expect(store.lastToken).toBe(tokenFloor)
    await store.close()
    const again = await createFileStore(path)
    expect(await acquire(again, 'k', 'a')).toMatchObject({ fencingToken: tokenFloor + 1 })
    await again.close()
  })

  it.each<[string, FileStoreOptions, string]>([
    ['a floor that is none', { tokenFloor: -1 }, 'tokenFloor must be a whole number from 0 to 4503599627370496'],
  ])('takes no %s', async (_, options, message) => {
    const path = freshPath('options')
    await expect(createFileStore(path, options)).rejects.toThrow(new TypeError(`${message}; got -1.`))
    await expect(readdir(path)).rejects.toThrow('ENOENT')
  })

  it('is for one server at a time, and free again when that has closed', async () => {
    const path = freshPath('shared')
    const store = await createFileStore(path)
    const message = `The store ${path} is used by another server: each one needs a store of its own.`
    await expect(createFileStore(path)).rejects.toThrow(message)
    const second = await startCommand(['--store', `file:${path}`]).ended
    expect(second).toMatchObject({ code: 1, stderr: `lockable: ${message}\n` })
    await store.close()
    await (await createFileStore(path)).close()
  })

  it('is not made of what is something else', async () => {
    const file = freshPath('a file')
    await writeFile(file, 'text')
    await expect(createFileStore(file)).rejects.toThrow(`The store ${file} cannot be written: EEXIST`)
    const folder = freshPath('a folder')
    await mkdir(folder)
    await writeFile(join(folder, 'letter.txt'), 'text')
    await expect(createFileStore(folder)).rejects.toThrow(`The folder ${folder} holds something else than a store`)
    expect(await readdir(folder)).toEqual(['letter.txt'])
    const unfinished = freshPath('unfinished')
    await mkdir(unfinished)
    await writeFile(join(unfinished, 'MANIFEST-000001'), '')
    await (await createFileStore(unfinished)).close()
    const below = join(file, 'below')
    await expect(createFileStore(below)).rejects.toThrow(`The store ${below} cannot be written: ENOTDIR`)
  })

  it.each([
    ['damaged files', (path: string) => writeFile(join(path, 'CURRENT'), 'nonsense'), 'Corruption: CURRENT file'],
    ['a record that is none', (path: string) => change(path, 'last', '{'), 'the record "last" is no JSON'],
    ['a record that was changed', (path: string) => change(path, 'last', '{"token":0,"epoch":0}'), 'some records are'],
    ['a later format', (path: string) => change(path, 'format', '{"v":2}'), 'its format is {"v":2}'],
    [
      'a record of a later version',
      (path: string) => change(path, 'wait', '{}'),
      'nothing is known of a record "wait"',
    ],
  ])('does not start on %s, and leaves it as it is', async (what, damage, message) => {
    const path = freshPath(`damaged by ${what}`)
    const store = await createFileStore(path)
    await acquire(store, 'k', 'a')
    await store.close()
    await damage(path)
    const before = await dataOf(path)
    const opening = createFileStore(path)
    await expect(opening).rejects.toThrow(`The store ${path} cannot be read: ${message}`)
    await expect(opening).rejects.toThrow('restore it')
    expect(await dataOf(path)).toEqual(before)
  })
})

/** Changes a byte of what LevelDB skips then without a word. */
async function damageJournal(path: string): Promise<void> {
  const [name = ''] = (await readdir(path)).filter((file) => file.endsWith('.log'))
  const bytes = await readFile(join(path, name))
  bytes.writeUInt8(bytes.readUInt8(20) ^ 0xff, 20)
  await writeFile(join(path, name), bytes)
}

it('does not take a store whose journal is damaged for a new one', async () => {
  const path = freshPath('damaged journal')
  const store = await createFileStore(path)
  await acquire(store, 'k', 'a')
  await store.close()
  await damageJournal(path)
  // The first time the engine skips it, the second time it is gone.
  for (let time = 0; time < 2; time += 1) {
    await expect(createFileStore(path)).rejects.toThrow(`The store ${path} has no records, though it is not new`)
  }
})

/** Writes a record behind the back of the store. */
async function change(path: string, key: string, value: string): Promise<void> {
  const level = new ClassicLevel(path)
  await level.put(key, value)
  await level.close()
}

/** What the files say, as far as they can be read; those that LevelDB numbers anew at each start aside. */
async function dataOf(path: string): Promise<unknown> {
  const current = await readFile(join(path, 'CURRENT'), 'utf8')
  if (!current.startsWith('MANIFEST')) return [current, (await readdir(path)).filter((name) => !name.startsWith('LOG'))]
  const level = new ClassicLevel(path)
  const records = await level.iterator().all()
  await level.close()
  return records
}

/** A program that sends its own process `signal` when what is granted is on disk, and about to be answered. */
function signalledWhenAnswering(signal: 'SIGKILL' | 'SIGTERM'): string {
  return `import { ServerResponse } from 'node:http'
    const { writeHead } = ServerResponse.prototype
    ServerResponse.prototype.writeHead = function (...args) {
      if (this.req.url.endsWith('/last-words')) process.kill(process.pid, '${signal}')
      return writeHead.apply(this, args)
    }`
}

describe('lockable serve --store file:PATH', { timeout: TIMEOUT }, () => {
  it('has all that was granted after it was killed at any moment', async () => {
    const path = freshPath('killed')
    const tokens: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const child = startCommand(['--store', `file:${path}`])
      const url = await urlOf(child)
      const names = Array.from({ length: 24 }, (_, index) => `${round}/${index}`)
      /** By name, who was granted it last and has not begun to release it. */
      const holds = new Map<string, { readonly owner: string; readonly token: number }>()
      let replies = 0
      const work = names.map(async (name) => {
        for (let turn = 0; ; turn += 1) {
          const owner = `${name.replace('/', '.')}.${turn}`
          const { response, fencing_token: token = 0 } = await post(url, `/v1/acquire/${name}`, { owner })
          if (response) holds.set(name, { owner, token })
          tokens.push(token)
          replies += 1
          if (replies === 10 + 37 * round) void child.kill()
          holds.delete(turn % 3 === 0 ? '' : name)
          await post(url, `/v1/release/${name}`, { owner: turn % 3 === 0 ? 'nobody' : owner })
          if (turn % 3 === 0 && response) return
        }
      })
      await Promise.allSettled(work)
      await child.kill()

      const again = startCommand(['--store', `file:${path}`])
      const here = await urlOf(again)
      expect(holds.size).toBeGreaterThan(0)
      for (const [name, { owner, token }] of holds) {
        expect(await post(here, `/v1/acquire/${name}`, { owner })).toMatchObject({
          response: true,
          fencing_token: token,
        })
      }
      const { fencing_token: next } = await post(here, `/v1/acquire/fresh-${round}`, { owner: 'fresh' })
      expect(next).toBeGreaterThan(Math.max(...tokens))
      await again.kill()
    }
  })

  it('has what it granted but could not answer any more', async () => {
    const path = freshPath('unanswered')
    const url = await urlOf(startCommand(['--store', `file:${path}`], { before: signalledWhenAnswering('SIGKILL') }))
    const { fencing_token: token = 0 } = await post(url, '/v1/acquire/first', { owner: 'a' })
    await expect(post(url, '/v1/acquire/last-words', { owner: 'a' })).rejects.toThrow()

    const here = await urlOf(startCommand(['--store', `file:${path}`]))
    expect(await post(here, '/v1/acquire/last-words', { owner: 'b' })).toMatchObject({ response: false })
    const again = await post(here, '/v1/acquire/last-words', { owner: 'a' })
    expect(again.response).toBe(true)
    expect(again.fencing_token).toBeGreaterThan(token)
  })

  it('goes in good order, and has then what it had', async () => {
    const path = freshPath('in good order')
    const child = startCommand(['--store', `file:${path}`], { before: signalledWhenAnswering('SIGTERM') })
    const { fencing_token: token } = await post(await urlOf(child), '/v1/acquire/last-words', { owner: 'a' })
    const { code, stderr } = await child.ended
    expect(stderr).toContain(`the last fencing token was ${token}`)
    expect(code).toBe(0)
    const here = await urlOf(startCommand(['--store', `file:${path}`]))
    expect(await post(here, '/v1/acquire/last-words', { owner: 'a' })).toMatchObject({ fencing_token: token })
  })

  it('closes its store when the disk is full, and has all that it granted when it is started again', async () => {
    const path = freshPath('full')
    const child = startCommand(['--store', `file:${path}`], { mostKiB: 24 })
    const url = await urlOf(child)
    const info = 'x'.repeat(900)
    const granted: { readonly name: string; readonly token: number | undefined }[] = []
    let last: Reply
    do {
      const name = `n${granted.length}`
      last = await post(url, `/v1/acquire/${name}`, { owner: 'a', info })
      if (last.status === 200) granted.push({ name, token: last.fencing_token })
    } while (last.status === 200)
    expect(last.status).toBe(503)
    expect(granted.length).toBeGreaterThan(10)
    expect((await post(url, '/v1/heartbeat/n0', { owner: 'a' })).status).toBe(503)
    await child.kill()
    expect((await child.ended).stderr).toContain('lockable: error: the store is closed, restart the server. IO error')

    const here = await urlOf(startCommand(['--store', `file:${path}`]))
    for (const { name, token } of granted) {
      expect(await post(here, `/v1/acquire/${name}`, { owner: 'a' })).toMatchObject({ fencing_token: token })
    }
  })

  it('says what to install', async () => {
    const { code, stderr } = await startCommand(['--store', `file:${freshPath('none')}`], { isInstalled: false }).ended
    expect(stderr).toBe(
      'lockable: A store in a file needs the package classic-level, and it is not installed. Install it beside lockable: npm install classic-level@3\n',
    )
    expect(code).toBe(1)
  })

  it('warns of nothing that a memory store would forget, and takes its flag from the environment', async () => {
    const env = { LOCKABLE_STORE: `file:${freshPath('environment')}`, LOCKABLE_TOKENS: 'secret' }
    const child = startCommand([], { env })
    expect(await (await fetch(`${await urlOf(child)}/v1`)).json()).toMatchObject({ restart: 'durable' })
    await child.kill()
    expect((await child.ended).stderr).toBe('')
  })
})
