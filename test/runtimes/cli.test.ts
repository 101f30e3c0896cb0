import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { newOwner } from '../support/owners.ts'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const started = new Set<ChildProcessWithoutNullStreams>()

afterEach(() => {
  for (const child of started) child.kill('SIGKILL')
  started.clear()
})

interface Run {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { stdout: string; stderr: string }
  /** Resolves to the exit code and the signal. */
  readonly exit: Promise<unknown[]>
}

function lockable(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env } })
  started.add(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (data) => {
    output.stdout += data
  })
  child.stderr.on('data', (data) => {
    output.stderr += data
  })
  return { child, output, exit: once(child, 'close') }
}

/** A server of the command, when it has said that it is ready. */
async function ready(args: readonly string[], env: Record<string, string> = {}): Promise<Run & { url: string }> {
  const run = lockable(['serve', '--port', '0', ...args], env)
  await Promise.race([once(run.child.stdout, 'data'), run.exit])
  const [, url] = /^lockable listening on (http:\S+)\n$/.exec(run.output.stdout) ?? []
  if (url === undefined) throw new Error(`not ready: ${JSON.stringify(run.output)}`)
  return { ...run, url }
}

async function json(url: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(url, init)).json()
}

test.each([
  [[], 'A command is missing'],
  [['sevre'], 'Unknown command "sevre"'],
  [['serve', '--prot', '5'], 'Unknown flag --prot: there are --port'],
  [['serve', '-p', '5'], 'Unknown flag -p'],
  [['serve', 'now'], 'Unexpected argument "now"'],
  [['serve', '--port'], '--port needs a value: --port PORT.'],
  [['serve', '--port', '--insecure'], '--port needs a value'],
  [['serve', '--port', '65536'], '--port is "65536": give a port from 0 (any that is free) to 65535.'],
  [['serve', '--port', '-1'], '--port needs a value'],
  [['serve', '--max-wait', '5'], '--max-wait is "5": give a duration with its unit, as 500ms, 60s, 5m or 24h.'],
  [['serve', '--max-wait', '0s'], 'maxWaitMs must be a whole number of ms, 1 or more; got 0.'],
  [['serve', '--insecure=yes'], '--insecure takes no value'],
  [['serve', '--store', 'redis://x'], '--store is "redis://x": only "memory" exists in this version.'],
  [['serve', '--min-lease', '2m'], 'must be between the shortest (--min-lease'],
  [['serve', '--cors-origin', 'app.example'], 'The cors origin "app.example" must be exactly'],
  [['serve', '--allow-host', 'http://x'], 'The host "http://x" must be a name'],
  [['serve', '--host', '0.0.0.0'], 'set tokens (LOCKABLE_TOKENS)'],
])('%j is an error that says what to do', async (args, message) => {
  const { exit, output } = lockable(args)
  expect(await exit).toEqual([2, null])
  expect(output.stdout).toBe('')
  expect(output.stderr).toContain(message)
})

test.each([
  [{ LOCKABLE_PORT: 'x' }, 'LOCKABLE_PORT is "x"'],
  [{ LOCKABLE_STORE: 'x' }, 'LOCKABLE_STORE is "x"'],
  [{ LOCKABLE_INSECURE: 'yes' }, 'LOCKABLE_INSECURE is "yes": give true or false.'],
  [{ LOCKABLE_MAX_WAIT: '1d' }, 'LOCKABLE_MAX_WAIT is "1d"'],
  [{ LOCKABLE_TOKENS: 'lk_a,two words' }, 'Token 2 must be'],
])('the variables %j are an error that names them', async (env, message) => {
  const { exit, output } = lockable(['serve'], env)
  expect(await exit).toEqual([2, null])
  expect(output.stderr).toContain(message)
  expect(output.stderr).not.toContain('two words')
})

test('it tells its version and its flags', async () => {
  const asked = ['--version', '--help', 'serve --help'].map((args) => lockable(args.split(' ')))
  for (const { exit } of asked) expect(await exit).toEqual([0, null])
  const [versionText, help, serveHelp] = asked.map(({ output }) => output.stdout)
  expect(versionText).toBe(`${version}\n`)
  expect(help).toContain('lockable serve')
  for (const flag of [
    '--port PORT',
    '--classic-lease DURATION',
    '--insecure ',
    'LOCKABLE_MAX_WAIT',
    'LOCKABLE_TOKENS',
  ]) {
    expect(serveHelp).toContain(flag)
  }
})

test('it serves, prints one line, and warns of what is not safe', async () => {
  const { url, output } = await ready(['--classic-lease', '5s'])
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(await json(`${url}/v1/acquire/k`)).toEqual({ response: true })
  const status = (await json(`${url}/v1/status/k`)) as { holders: [{ expires_in_ms: number }] }
  expect(status.holders[0].expires_in_ms).toBeLessThanOrEqual(5_000)
  expect(output.stdout).toBe(`lockable listening on ${url}\n`)
  for (const warning of ['no tokens are set', '--classic-lease is 5000 ms', 'forgotten on a restart']) {
    expect(output.stderr).toContain(`warning:`)
    expect(output.stderr).toContain(warning)
  }
})

test('flags and variables reach the server, and a flag wins', async () => {
  const env = {
    LOCKABLE_TOKENS: 'lk_a, lk_b:team',
    LOCKABLE_MIN_LEASE: '100ms',
    LOCKABLE_MAX_LEASE: '1h',
    LOCKABLE_CORS_ORIGIN: 'https://a.example,https://b.example',
    LOCKABLE_GRACE: '1h',
  }
  const { url, output } = await ready(['--max-lease', '2m', '--max-wait', '1.5s'], env)
  expect(await json(`${url}/v1`)).toMatchObject({
    limits: { min_lease_ms: 100, max_lease_ms: 120_000, max_wait_ms: 1_500 },
    restart: 'grace',
  })
  const preflight = { method: 'OPTIONS', headers: { Origin: 'https://b.example' } }
  expect((await fetch(`${url}/v1`, preflight)).headers.get('access-control-allow-origin')).toBe('https://b.example')
  expect((await fetch(`${url}/v1/acquire/k`)).status).toBe(401)
  const authorised = { headers: { Authorization: 'Bearer lk_b' } }
  expect(await json(`${url}/v1/acquire/k`, authorised)).toEqual({ response: false })
  expect(output.stderr).toBe('')
})

test('a grace that does not cover the longest lease is warned of', async () => {
  const { output } = await ready(['--grace', '60s'])
  expect(output.stderr).toContain('--grace of 60000 ms does not cover the longest lease of 86400000 ms')
})

test('it listens beyond loopback if it may', async () => {
  const { url } = await ready(['--host', '0.0.0.0', '--insecure', '--allow-host', 'locks.example'])
  expect(url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/)
})

test('a port in use is named, and is no fault of the usage', async () => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const { port } = blocker.address() as AddressInfo
  const { exit, output } = lockable(['serve', '--port', String(port)])
  expect(await exit).toEqual([1, null])
  expect(output.stderr).toContain(`Port ${port} on 127.0.0.1 is in use`)
  blocker.close()
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s lets parked requests go and ends it with 0', async (signal) => {
  const { url, child, exit, output } = await ready([])
  const acquire = (body: object) =>
    json(`${url}/v1/acquire/k`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ owner: newOwner(), ...body }),
    })
  await acquire({})
  const parked = acquire({ wait_ms: 30_000 })
  await expect.poll(() => json(`${url}/v1/status/k`)).toMatchObject({ waiters: 1 })
  child.kill(signal)
  expect(await parked).toMatchObject({ response: false, reason: 'shutdown' })
  expect(await exit).toEqual([0, null])
  expect(output.stdout).toBe(`lockable listening on ${url}\n`)
})
