import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { json, lockable, ready } from './command.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

test.each([
  [[], 'A command is missing'],
  [['sevre'], 'Unknown command "sevre": did you mean lockable serve?'],
  [
    ['toString'],
    'Unknown command "toString": there are serve, run, status, locks, release, token; see lockable --help.',
  ],
  [['serve', '--prot', '5'], 'Unknown flag --prot: did you mean --port?'],
  [['serve', '-p', '5'], 'Unknown flag -p'],
  [['serve', 'now'], 'Unexpected argument "now"'],
  [['serve', '--port'], '--port needs a value: --port PORT.'],
  [['serve', '--port', '--insecure'], '--port needs a value'],
  [['serve', '--port', '65536'], '--port is "65536": give a port from 0 (any that is free) to 65535.'],
  [['serve', '--port', '-1'], '--port needs a value'],
  [['serve', '--max-wait', '5'], '--max-wait is "5": give a duration with its unit, as 500ms, 60s, 5m or 24h.'],
  [['serve', '--max-wait', '0s'], 'maxWaitMs must be a whole number of ms, 1 or more; got 0.'],
  [['serve', '--insecure=yes'], '--insecure is "yes": give true or false.'],
  [['serve', '--tokens', 'lk_a'], '--tokens is no flag, since others can see the arguments of a process'],
  [['serve', '--config', '/nowhere.json'], 'The config file /nowhere.json cannot be read: there is none.'],
  [
    ['serve', '--store', 'redis://x'],
    '--store is "redis://x": give memory, file:FOLDER, postgres://HOST/DATABASE or etcd://HOST:PORT.',
  ],
  [['serve', '--min-lease', '2m'], 'must be between the shortest (--min-lease'],
  [['serve', '--cors-origin', 'app.example'], 'The cors origin "app.example" must be exactly'],
  [['serve', '--allow-host', 'http://x'], 'The host "http://x" must be a name'],
  [['serve', '--mark='], '--mark is empty: give the path of a file.'],
  [['serve', '--token-floor', '1e9'], '--token-floor is "1e9": give a fencing token, which is a whole number.'],
  [['serve', '--token-floor', '9007199254740991'], 'tokenFloor must be a whole number from 0 to 4503599627370496'],
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
  [{ LOCKABLE_PORT: '5625,5626' }, 'LOCKABLE_PORT is "5625,5626"'],
  [{ LOCKABLE_INSECURE: 'yes' }, 'LOCKABLE_INSECURE is "yes": give true or false.'],
  [{ LOCKABLE_MAX_WAIT: '1d' }, 'LOCKABLE_MAX_WAIT is "1d"'],
  [{ LOCKABLE_TOKENS: 'lk_a,two words' }, 'Token 2 must be'],
  [{ LOCKABLE_TOKNES: 'two words' }, 'Unknown variable LOCKABLE_TOKNES: did you mean LOCKABLE_TOKENS?'],
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
  for (const command of ['serve', 'run NAME', 'status NAME', 'locks', 'release NAME', 'token']) {
    expect(help).toContain(`lockable ${command} `)
  }
  for (const flag of [
    '--port PORT',
    '--classic-lease DURATION',
    '--insecure ',
    '--mark FILE',
    '--token-floor TOKEN',
    'LOCKABLE_PORT for --port',
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

test('the file reaches the server, after variables and flags, and what is in force is printed', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lockable-config-')), 'lockable.json')
  const config = { 'min-lease': '1ms', 'max-lease': '1m', 'max-wait': '1s', tokens: ['lk_a'], log: 'json' }
  writeFileSync(file, JSON.stringify(config))
  const env = { LOCKABLE_CONFIG: file, LOCKABLE_MAX_LEASE: '2m', LOCKABLE_MAX_WAIT: '2s' }
  const { url } = await ready(['--max-wait', '3s'], env)
  expect(await json(`${url}/v1`)).toMatchObject({
    limits: { min_lease_ms: 1, max_lease_ms: 120_000, max_wait_ms: 3_000 },
  })
  expect((await fetch(`${url}/v1/acquire/k`)).status).toBe(401)
  const { exit, output } = lockable(['serve', '--max-wait', '3s', '--print-config'], env)
  expect(await exit).toEqual([0, null])
  expect(output.stderr).toBe('')
  const rows = output.stdout.split('\n').map((row) => row.split(/ {2,}/))
  expect(rows).toContainEqual(['port', '5625', 'default'])
  expect(rows).toContainEqual(['min-lease', '1ms', `"min-lease" in ${file}`])
  expect(rows).toContainEqual(['max-lease', '2m', 'LOCKABLE_MAX_LEASE'])
  expect(rows).toContainEqual(['max-wait', '3s', '--max-wait'])
  expect(rows).toContainEqual(['tokens', '1, not shown', `"tokens" in ${file}`])
  expect(output.stdout).not.toContain('lk_a')
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
  expect(output.stderr).toMatch(/^lockable: [^\n]*\n$/)
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
