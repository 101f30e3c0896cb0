import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CredentialFiles, openCredentials } from '../../src/cli/serve-credentials.ts'
import { runTokenCommand } from '../../src/cli/token-command.ts'
import { parseTokenFile } from '../../src/server/auth/token-file.ts'
import { openTokenFile } from '../../src/server/auth/token-file-watch.ts'
import { createHandler } from '../../src/server/handler.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { asking, fresh, kindOf } from './asking.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockable-tokens-'))
  file = join(folder, 'tokens.json')
})

afterEach(() => rmSync(folder, { recursive: true }))

function run(...args: string[]): Promise<string> {
  return runTokenCommand(args, { LOCKABLE_TOKENS_FILE: file })
}

async function create(...args: string[]): Promise<string> {
  return (await run('create', ...args)).trim()
}

function idOf(token: string): string {
  return token.slice(3, 11)
}

function serving(store?: LockStore) {
  const clock = new VirtualClock(Date.now())
  const errors: string[] = []
  const source = openTokenFile(file, { clock, onError: (error) => errors.push(String(error)) })
  const handler = createHandler({
    clock,
    tokenSource: source,
    store: store ?? createMemoryStore({ clock }),
    onError: (error) => errors.push(String(error)),
  })
  const ask = asking(handler)
  const acquire = (token: string, name: string, body: object = {}) =>
    ask(`/v1/acquire/${name}`, { token, body: { owner: fresh(), ...body } })
  return { clock, errors, source, handler, ask, acquire }
}

test('a token has 256 random bits behind its id, is told once, and is nowhere in the file', async () => {
  const tokens = [await create(), await create()]
  for (const token of tokens) {
    expect(token).toMatch(/^lk_[a-z2-7]{8}[\w-]{43}$/)
    expect(readFileSync(file, 'utf8')).toContain(`"id": "${idOf(token)}"`)
    expect(readFileSync(file, 'utf8')).not.toContain(token.slice(11))
    expect(await run('list')).not.toContain(token.slice(11))
  }
  expect(new Set(tokens).size).toBe(2)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a token has the rights, the names and the namespace that it was made with', async () => {
  const plain = await create()
  const all = await create('--right', 'lock', '--right', 'steal', '--right', 'admin', '--namespace', 'team')
  const part = await create('--prefix', 'job/', '--prefix', 'x', '--max-lease', '5s', '--max-locks', '1')
  const { ask, acquire } = serving()
  expect((await acquire(plain, 'a')).json).toMatchObject({ response: true })
  expect((await acquire(all, 'a')).json).toMatchObject({ response: true })
  expect(kindOf(await acquire(plain, 'a', { steal: 'now' }))).toBe('forbidden')
  expect((await acquire(all, 'a', { steal: 'now' })).json).toMatchObject({ response: true })
  const refused = await ask('/v1/status/a', { token: all })
  expect([kindOf(refused), refused.json.detail]).toEqual(['forbidden', expect.stringContaining('"inspect"')])
  expect((await acquire(part, 'job/1', { lease_ms: 60_000 })).json).toMatchObject({ response: true, lease_ms: 5_000 })
  expect(kindOf(await acquire(part, 'job/2'))).toBe('too-many-requests')
  expect(kindOf(await acquire(part, 'job'))).toBe('forbidden')
  expect((await ask('/v1/status/job%2F1', { token: part })).json).toMatchObject({ state: 'held' })
})

test('what is forbidden tells nothing of whether the lock is held', async () => {
  const [plain, part] = [await create(), await create('--prefix', 'job/')]
  const { ask, acquire } = serving()
  const answers = async () => [
    (await acquire(part, 'secret')).text,
    (await ask('/v1/status/secret', { token: part })).text,
  ]
  const before = await answers()
  await acquire(plain, 'secret')
  expect(await answers()).toEqual(before)
})

test.each([
  (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
  (token: string) => `lk_aaaaaaaa${token.slice(11)}`,
  (token: string) => token.slice(0, 11),
  (token: string) => `${token}A`,
])('another token than the one that was made is unknown (%#)', async (change) => {
  const token = await create()
  expect(kindOf(await serving().acquire(change(token), 'a'))).toBe('unauthenticated')
})

test('an expired token gets nothing new, and keeps what it has', async () => {
  const token = await create('--expires-in', '1h')
  const { clock, ask, acquire } = serving()
  const owner = fresh()
  await acquire(token, 'a', { owner, lease_ms: 7_200_000 })
  clock.advance(3_600_000)
  expect((await acquire(token, 'b')).json.detail).toContain('expired')
  expect((await ask('/v1/heartbeat/a', { token, body: { owner } })).json).toMatchObject({ response: true })
})

test('the server takes a new token over within a second', async () => {
  await create()
  const { clock, acquire } = serving()
  const token = await create()
  expect(kindOf(await acquire(token, 'a'))).toBe('unauthenticated')
  clock.advance(1_000)
  expect((await acquire(token, 'a')).status).toBe(200)
})

test.each(['revoked', 'gone'])('what a token holds that is %s ends with its present lease', async (how) => {
  const [token, other] = [await create(), await create()]
  const { clock, ask, acquire } = serving()
  const [owner, session, inSession] = [fresh(), fresh(), fresh()]
  await acquire(token, 'a', { owner })
  const commands = [{ op: 'acquire', name: 'b', owner: inSession }]
  await ask('/v1/session/commands', { token, body: { session, open: {}, seq: 1, commands } })
  if (how === 'revoked') expect(await run('revoke', idOf(token))).toContain('is revoked')
  else {
    const { v, tokens } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ v, tokens: tokens.filter(({ id }: { id: string }) => id !== idOf(token)) }))
  }
  clock.advance(30_000)
  const refused = await acquire(token, 'c')
  expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining('revoked')])
  const renewed = await ask('/v1/heartbeat/a', { token, body: { owner } })
  expect(renewed.json).toMatchObject({ response: true, ending: 'revoked', expires_in_ms: 30_000 })
  const standing = await ask('/v1/session/heartbeat', { body: { session } })
  expect(standing.json.ending).toMatchObject([{ owner: inSession, reason: 'revoked', expires_in_ms: 30_000 }])
  clock.advance(30_000)
  for (const name of ['a', 'b']) expect((await acquire(other, name)).json).toMatchObject({ response: true })
})

test('a request that a revocation overtakes gets nothing', async () => {
  const token = await create()
  const { handler, source, ask } = serving()
  let send: (text: string) => void = () => undefined
  const body = new ReadableStream({
    start(controller) {
      send = (text) => {
        controller.enqueue(new TextEncoder().encode(text))
        controller.close()
      }
    },
  })
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const init = { method: 'POST', headers, body, duplex: 'half' }
  const answer = handler.fetch(new Request('http://localhost/v1/acquire/a', init))
  // The token has been looked at when others are answered.
  await ask('/v1/status/a', { token })
  await run('revoke', idOf(token))
  source.reload()
  send(JSON.stringify({ owner: fresh() }))
  expect((await answer).status).toBe(401)
})

test('a revoked token that waits is sent away', async () => {
  const [token, other] = [await create(), await create()]
  const { clock, source, ask, acquire } = serving()
  const [session, owner] = [fresh(), fresh()]
  await acquire(other, 'a')
  const commands = [{ op: 'acquire', name: 'a', owner }]
  await ask('/v1/session/commands', { token, body: { session, open: {}, seq: 1, commands } })
  await run('revoke', idOf(token))
  source.reload()
  clock.advance(1)
  const standing = await ask('/v1/session/heartbeat', { body: { session } })
  expect(standing.json.ended).toMatchObject([{ owner, reason: 'revoked' }])
})

test('a revocation that the store cannot take is tried again until it can', async () => {
  const token = await create()
  const memory = createMemoryStore({ clock: new VirtualClock() })
  let outages = 2
  const revoked: string[] = []
  const store: LockStore = Object.create(memory, {
    revoke: {
      value: async ({ subject }: { subject: string }) => {
        outages -= 1
        if (outages >= 0) throw new StoreUnavailableError('The store is away.')
        revoked.push(subject)
      },
    },
    watch: { value: () => () => undefined },
  })
  const { clock, source, errors } = serving(store)
  await run('revoke', idOf(token))
  source.reload()
  await expect.poll(() => errors.length).toBe(1)
  clock.advance(1_000)
  await expect.poll(() => errors.length).toBe(2)
  expect(revoked).toEqual([])
  clock.advance(1_000)
  await expect.poll(() => revoked).toEqual([`token:${idOf(token)}`])
})

test('a server that starts ends what revoked tokens hold in a store that kept it', async () => {
  const token = await create()
  const clock = new VirtualClock()
  const store = createMemoryStore({ clock })
  const lock = { namespace: '', name: 'a', owner: 'o' }
  const principal = { subject: `token:${idOf(token)}`, maxHoldMs: null, quota: { locks: null, waiters: null } }
  const asked = { leaseMs: 60_000, waitMs: 0, mode: 'exclusive', ifAvailable: false, steal: null, info: null } as const
  await store.acquire({ ...lock, ...asked, principal })
  await run('revoke', idOf(token))
  serving(store)
  await expect.poll(() => store.renew([{ ...lock, leaseMs: null }])).toMatchObject([{ ending: 'revoked' }])
})

test('a file that has become unreadable is told, and the tokens stay', async () => {
  const token = await create()
  const { clock, errors, acquire } = serving()
  writeFileSync(file, '{')
  clock.advance(10_000)
  expect(errors).toEqual([expect.stringContaining('is not JSON')])
  expect((await acquire(token, 'a')).status).toBe(200)
  rmSync(file)
  clock.advance(10_000)
  expect(errors).toEqual([expect.anything(), expect.stringContaining('cannot be read')])
  expect((await acquire(token, 'b')).status).toBe(200)
})

const RECORD = {
  id: 'abcdefgh',
  hash: 'A'.repeat(43),
  namespace: '',
  rights: ['lock'],
  created: '2030-01-01T00:00:00Z',
}

test.each<[string, unknown]>([
  ['is not JSON', '{'],
  ['must be one JSON object', []],
  ['version 2', { v: 2, tokens: [] }],
  ['"token"', { v: 1, tokens: [], token: [] }],
  ['"tokens" must be an array', { v: 1 }],
  ['token 2: it must be an object', { v: 1, tokens: [RECORD, 'x'] }],
  ['token 1 ("abcdefgh"): hash is missing', { v: 1, tokens: [{ ...RECORD, hash: undefined }] }],
  ['token 1 ("abcdefgh"): there is no member "right"', { v: 1, tokens: [{ ...RECORD, right: 'lock' }] }],
  ['id must be', { v: 1, tokens: [{ ...RECORD, id: 'ABC' }] }],
  ['hash must be 43', { v: 1, tokens: [{ ...RECORD, hash: 'A'.repeat(42) }] }],
  ['rights must be an array', { v: 1, tokens: [{ ...RECORD, rights: ['everything'] }] }],
  ['rights must be an array', { v: 1, tokens: [{ ...RECORD, rights: [] }] }],
  ['prefixes must be', { v: 1, tokens: [{ ...RECORD, prefixes: [] }] }],
  ['prefixes must be', { v: 1, tokens: [{ ...RECORD, prefixes: [''] }] }],
  ['namespace must be', { v: 1, tokens: [{ ...RECORD, namespace: '\u0007' }] }],
  ['quota.locks must be', { v: 1, tokens: [{ ...RECORD, quota: { locks: -1 } }] }],
  ['"quota.lock"', { v: 1, tokens: [{ ...RECORD, quota: { lock: 1 } }] }],
  ['max_lease_ms must be', { v: 1, tokens: [{ ...RECORD, max_lease_ms: 0 }] }],
  ['expires must be a time', { v: 1, tokens: [{ ...RECORD, expires: 'tomorrow' }] }],
  ['created must be a time', { v: 1, tokens: [{ ...RECORD, created: '2030-13-01T00:00:00Z' }] }],
  ['token 2: the id "abcdefgh" is there twice', { v: 1, tokens: [RECORD, RECORD] }],
])('a file is read strictly: %s', (why, content) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  expect(() => parseTokenFile(text, 'F')).toThrow(why)
  expect(() => parseTokenFile(text, 'F')).toThrow(/^F/)
})

test('no error about a file shows a hash', () => {
  const text = JSON.stringify({ v: 1, tokens: [{ ...RECORD, hash: 'S3CRET' }] })
  expect(() => parseTokenFile(text, 'F')).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('S3CRET') }),
  )
})

test('what the commands write is what they read, and the list says what there is', async () => {
  const args = [
    '--namespace',
    'team',
    '--right',
    'inspect',
    '--prefix',
    'a b',
    '--max-waiters',
    '3',
    '--expires-in',
    '1h',
  ]
  const [first, second] = [await create(...args), await create()]
  await runTokenCommand(['revoke', '--file', file, idOf(second)], {})
  const [one, two] = parseTokenFile(readFileSync(file, 'utf8'), 'F')
  expect(one).toMatchObject({ namespace: 'team', rights: ['inspect'], prefixes: ['a b'], quota: { waiters: 3 } })
  expect([one?.expires, two?.revoked]).toEqual([(one?.created ?? 0) + 3_600_000, expect.any(Number)])
  const lines = (await run('list')).split('\n')
  expect(lines[1]).toMatch(new RegExp(`^${idOf(first)} +"team" +inspect +"a b" +.*good until`))
  expect(lines[2]).toMatch(new RegExp(`^${idOf(second)} +"" +lock,inspect,watch +\\* +.*revoked`))
})

test('a file that is there keeps its tokens, and one that is wrong is not replaced', async () => {
  await create()
  await create()
  expect(parseTokenFile(readFileSync(file, 'utf8'), 'F')).toHaveLength(2)
  writeFileSync(file, 'something else')
  await expect(create()).rejects.toThrow('is not JSON')
  expect(readFileSync(file, 'utf8')).toBe('something else')
})

test('two that change the file at once do not lose what the other did', async () => {
  writeFileSync(`${file}.lock`, JSON.stringify({ pid: process.ppid, started: null }))
  await expect(create()).rejects.toThrow('is being changed by')
  rmSync(`${file}.lock`)
  await expect(create()).resolves.toMatch(/^lk_/)
})

test.each([
  ['A command is missing', []],
  ['Unknown command "make"', ['make']],
  ['One id is needed', ['revoke']],
  ['One id is needed', ['revoke', 'abcdefgh', 'hgfedcba']],
  ['There is no token "abcdefgh"', ['revoke', 'abcdefgh']],
  ['--right is "read"', ['create', '--right', 'read']],
  ['--max-locks is "many"', ['create', '--max-locks', 'many']],
  ['--max-lease is 0', ['create', '--max-lease', '0']],
  ['--prefix is empty', ['create', '--prefix=']],
  ['Unknown flag --name', ['create', '--name', 'x']],
])('a wrong command is an error that says what to do: %s', async (why, args) => {
  await expect(run(...args)).rejects.toThrow(why)
})

test('without a file there is nothing to do', async () => {
  await expect(runTokenCommand(['list'], {})).rejects.toThrow('LOCKABLE_TOKENS_FILE')
  await expect(run('list')).rejects.toThrow('cannot be read')
})

test('a key is for its owner only, and replaces none', async () => {
  const key = join(folder, 'key.json')
  await run('key', '--file', key)
  const { keys } = JSON.parse(readFileSync(key, 'utf8'))
  expect(keys).toMatchObject([{ kty: 'oct', alg: 'HS256' }])
  expect(Buffer.from(keys[0].k, 'base64url')).toHaveLength(32)
  expect(statSync(key).mode & 0o777).toBe(0o600)
  await expect(run('key', '--file', key)).rejects.toThrow('is there already')
  const [other] = JSON.parse(await run('key', '--namespace', 'team')).keys
  expect(other.k).not.toBe(keys[0].k)
  expect([keys[0].namespaces, other.namespaces]).toEqual([undefined, ['team']])
})

test.runIf(process.getuid?.() === 0)(
  'a file that root changes stays that of the user whom the server runs as',
  async () => {
    await create()
    chownSync(file, 65_534, 65_534)
    await create()
    expect(statSync(file)).toMatchObject({ uid: 65_534, gid: 65_534 })
  },
)

test('the command reads the tokens anew on SIGHUP, until it ends', async () => {
  await create()
  const before = process.listenerCount('SIGHUP')
  const opened = openCredentials({ tokensFile: file }, () => undefined)
  const { tokenSource } = opened.options
  await create()
  expect(tokenSource?.read()).toHaveLength(1)
  process.emit('SIGHUP')
  expect(tokenSource?.read()).toHaveLength(2)
  opened.close()
  expect(process.listenerCount('SIGHUP')).toBe(before)
})

test('files that cannot be used keep the command from starting, and none is quoted', async () => {
  const [other, key] = [join(folder, 'other.json'), join(folder, 'key.json')]
  writeFileSync(other, 'S3CRET {')
  await run('key', '--file', key)
  const open = (files: CredentialFiles) => () => openCredentials(files, () => undefined)
  expect(open({ capabilityKey: other })).toThrow('is not JSON')
  expect(open({ capabilityKey: other })).not.toThrow('S3CRET')
  expect(open({ capabilityKey: join(folder, 'none') })).toThrow('cannot be read')
  expect(open({ capabilityKey: file })).toThrow('cannot be read')
  expect(open({ tlsCert: other })).toThrow('--tls-key too')
  expect(open({ tlsKey: other })).toThrow('--tls-cert too')
  expect(openCredentials({ capabilityKey: key }, () => undefined).options.capabilityKeys).toHaveLength(1)
})
