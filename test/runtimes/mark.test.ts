import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { json, lockable, type Run, ready } from './command.ts'

const LEASE = 2_000

/** A program that runs before the command: its wall clock is an hour behind. */
const SET_BACK = `data:text/javascript,${encodeURIComponent('const now = Date.now; Date.now = () => now() - 3_600_000')}`

let folder: string
let mark: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockable-mark-'))
  mark = join(folder, 'a, mark.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Reply {
  readonly response: boolean
  readonly reason?: string
  readonly retry_after_ms?: number
  readonly fencing_token?: number
}

async function acquire(url: string, owner: string, waitMs: number = 0): Promise<Reply> {
  const body = JSON.stringify({ owner, lease_ms: LEASE, wait_ms: waitMs })
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }
  return (await json(`${url}/v1/acquire/k`, init)) as Reply
}

async function end({ child, exit }: Run, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  child.kill(signal)
  await exit
}

test('after a SIGKILL nothing is granted until the leases have run out, and tokens grow though the clock was set back', async () => {
  const first = await ready([], { LOCKABLE_MARK: mark })
  expect(first.output.stderr).not.toContain('forgotten')
  const before = await acquire(first.url, newOwner())
  expect(before.response).toBe(true)
  await end(first, 'SIGKILL')

  const second = await ready(['--mark', mark], { NODE_OPTIONS: `--import "${SET_BACK}"` })
  expect(second.output.stderr).toContain('warning: nothing is granted for 2 s, since leases from before may still run.')
  expect(await json(`${second.url}/v1`)).toMatchObject({ restart: 'grace' })
  const refused = await acquire(second.url, newOwner())
  expect(refused).toMatchObject({ response: false, reason: 'grace' })
  expect(refused.retry_after_ms).toBeLessThanOrEqual(LEASE)
  const parkedAt = performance.now()
  const after = await acquire(second.url, newOwner(), 10_000)
  expect(after.response).toBe(true)
  expect(performance.now() - parkedAt).toBeGreaterThan((refused.retry_after_ms ?? 0) - 250)
  expect(after.fencing_token).toBeGreaterThan(before.fencing_token ?? Number.POSITIVE_INFINITY)
})

test('after a shutdown with nothing held the next start grants at once', async () => {
  const first = await ready(['--mark', mark])
  const owner = newOwner()
  const { fencing_token: token } = await acquire(first.url, owner)
  await json(`${first.url}/v1/release/k`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ owner }),
  })
  await end(first, 'SIGTERM')
  expect(first.output.stderr).toContain(`lockable: the last fencing token was ${token}`)
  const second = await ready(['--mark', mark])
  expect((await acquire(second.url, newOwner())).response).toBe(true)
})

test('after a shutdown with a lock held the next start waits for it', async () => {
  const first = await ready(['--mark', mark])
  await acquire(first.url, newOwner())
  await end(first, 'SIGTERM')
  const second = await ready(['--mark', mark])
  expect(await acquire(second.url, newOwner())).toMatchObject({ response: false, reason: 'grace' })
})

test('tokens begin above the floor that is given', async () => {
  const floor = (Date.now() + 3_600_000) * 1_024
  const { url } = await ready(['--token-floor', String(floor)])
  expect((await acquire(url, newOwner())).fencing_token).toBe(floor + 1)
})

test('a mark that another server uses, that cannot be read, or has no folder, keeps the server from starting', async () => {
  const first = await ready(['--mark', mark])
  const corrupt = join(folder, 'corrupt')
  writeFileSync(corrupt, '{')
  for (const [file, message] of [
    [mark, `is used by the process ${first.child.pid}`],
    [corrupt, `The mark ${corrupt} cannot be read`],
    [join(folder, 'none', 'mark'), 'It needs a folder that exists'],
  ] as const) {
    const { exit, output } = lockable(['serve', '--port', '0', '--mark', file])
    expect(await exit).toEqual([1, null])
    expect(output.stdout).toBe('')
    expect(output.stderr).toContain(message)
  }
})

test('a server that cannot write its mark any more says so, and refuses', async () => {
  const { url, output } = await ready(['--mark', mark])
  const before = readFileSync(mark, 'utf8')
  mkdirSync(`${mark}.new`)
  expect(await acquire(url, newOwner())).toMatchObject({ status: 503 })
  await expect.poll(() => output.stderr).toContain('error: nothing new is granted. The mark')
  expect(readFileSync(mark, 'utf8')).toBe(before)
})
