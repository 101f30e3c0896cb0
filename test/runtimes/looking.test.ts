import { beforeEach, describe, expect, test } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { json, lockable, type Run, ready } from './command.ts'

let server: Run & { url: string }

beforeEach(async () => {
  server = await ready([])
})

async function said(...args: string[]) {
  const { exit, output } = lockable(args, { LOCKABLE_URL: server.url })
  const [code] = await exit
  return { code, ...output }
}

function acquire(name: string, body: object = {}): Promise<unknown> {
  return json(`${server.url}/v1/acquire/${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ owner: newOwner(), ...body }),
  })
}

describe('lockable status', () => {
  test('tells who holds, by words and by its exit code', async () => {
    expect(await said('status', 'x')).toEqual({ code: 3, stdout: 'x is free\n', stderr: '' })
    await acquire('x', { info: { name: 'Alice' }, lease_ms: 3_700_000 })
    void acquire('x', { wait_ms: 30_000 }).catch(() => {})
    await expect.poll(() => json(`${server.url}/v1/status/x`)).toMatchObject({ waiters: 1 })
    const { code, stdout } = await said('status', 'x')
    expect(code).toBe(0)
    const [first, empty, heading, row] = stdout.split('\n')
    expect(first).toMatch(/^x is held, 1 waits, fencing token \d+$/)
    expect([empty, heading]).toEqual(['', 'HOLDER            MODE       FOR    ENDS IN'])
    expect(row).toMatch(/^\{"name":"Alice"\} {2}exclusive {2}\d\.\d s {2}1 h 1 min$/)
  })

  test('tells programs', async () => {
    await acquire('a b/c', { info: 'me' })
    const { code, stdout } = await said('status', 'a b/c', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ name: 'a b/c', state: 'held', holders: [{ info: 'me' }] })
    const free = await said('status', '--json', '--', '-x')
    expect(free.code).toBe(3)
    expect(JSON.parse(free.stdout)).toMatchObject({ name: '-x', state: 'free' })
  })

  test('says nothing that a terminal would obey', async () => {
    await acquire('x', { info: '\u001b[31mred\r\n\u202eback' })
    const { stdout } = await said('status', 'x')
    expect(stdout).toContain('\\u{1b}[31mred\\u{d}\\u{a}\\u{202e}back')
  })

  test.each([
    [['status'], 2, 'The name of the lock is missing: lockable status NAME.'],
    [['status', 'a', 'b'], 2, 'Unexpected argument "b"'],
    [['status', ''], 2, 'A lock name must not be empty'],
    [['status', 'x', '--url', 'http://127.0.0.1:2'], 1, 'connect ECONNREFUSED'],
    [['status', 'x', '--url', 'x'], 2, '--url (LOCKABLE_URL): url "x" is not a URL'],
    [['locks', 'x'], 2, 'Unexpected argument "x"'],
    [['release', 'x'], 2, 'Only its holder can release a lock.'],
    [['release', 'x', '--now'], 2, 'add --force.'],
  ])('and its siblings say what is wrong in one line: %j', async (args, code, message) => {
    const told = await said(...args)
    expect(told).toMatchObject({ code, stdout: '' })
    expect(told.stderr).toContain(message)
    expect(told.stderr).toMatch(/^lockable: [^\n]*\n$/)
  })
})

describe('lockable locks', () => {
  test('lists what is held, by name, and only what begins as asked', async () => {
    expect(await said('locks')).toEqual({ code: 0, stdout: 'no locks are held or waited for\n', stderr: '' })
    await acquire('b', { info: 'Bob' })
    await acquire('a/2', { mode: 'shared', info: 'Alice' })
    await acquire('a/2', { mode: 'shared', info: 'Carol' })
    await acquire('a/1')
    const { stdout } = await said('locks')
    const rows = stdout.split('\n').map((row) => row.split(/ {2,}/))
    expect(rows.map(([name, mode, holder]) => [name, mode, holder])).toEqual([
      ['NAME', 'MODE', 'HOLDER'],
      ['a/1', 'exclusive', 'somebody'],
      ['a/2', 'shared', 'Alice and 1 more'],
      ['b', 'exclusive', 'Bob'],
      ['', undefined, undefined],
    ])
    const { stdout: text } = await said('locks', '--prefix', 'a/', '--json')
    expect(JSON.parse(text)).toMatchObject([
      { name: 'a/1', state: 'held' },
      { name: 'a/2', mode: 'shared' },
    ])
  })

  test('lists more than fit on one page of the server', async () => {
    const names = Array.from({ length: 1_001 }, (_, index) => `n${String(index).padStart(4, '0')}`)
    await json(`${server.url}/v1/session/commands`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        session: newOwner(),
        open: { lease_ms: 60_000 },
        seq: 1,
        commands: names.slice(0, 1_000).map((name) => ({ op: 'acquire', name, owner: newOwner() })),
      }),
    })
    await acquire('n1000')
    const { stdout } = await said('locks', '--json')
    expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toEqual(names)
  })
})

describe('lockable release', () => {
  test('lets a holder keep the lock to the end of its lease', async () => {
    await acquire('x', { lease_ms: 1_000 })
    const told = await said('release', 'x', '--force', '--json')
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(told.stdout)).toEqual({ name: 'x', v: 2, holders: 1 })
    await expect.poll(async () => (await said('status', 'x')).code, { timeout: 5_000 }).toBe(3)
  })

  test('frees at once what it shall free now', async () => {
    await acquire('x', { lease_ms: 3_600_000 })
    expect(await said('release', 'x', '--force', '--now')).toMatchObject({ code: 0, stdout: 'x: 1 holder lost it\n' })
    expect((await said('status', 'x')).code).toBe(3)
    expect(await said('release', 'x', '--force', '--now')).toMatchObject({ code: 0, stdout: 'nobody holds x\n' })
  })

  test('takes the right to', async () => {
    const { url } = await ready([], { LOCKABLE_TOKENS: 'lk_a' })
    const env = { LOCKABLE_URL: url, LOCKABLE_AUTH_TOKEN: 'lk_a' }
    const { exit, output } = lockable(['release', 'x', '--force'], env)
    expect(await exit).toEqual([1, null])
    expect(output.stderr).toContain('"admin"')
    expect(output.stderr).not.toContain('lk_a')
  })
})
