import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { json, lockable, type Run, ready } from './command.ts'

const root = mkdtempSync(join(tmpdir(), 'lockable-run-'))
let server: Run & { url: string }
let folder: string

afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeEach(async () => {
  folder = mkdtempSync(join(root, 'test-'))
  server = await ready([])
})

/** `lockable run` against the server of this test. */
function run(args: readonly string[], env: Record<string, string> = {}): Run {
  return lockable(['run', ...args], { LOCKABLE_URL: server.url, FOLDER: folder, ...env })
}

/** Runs a script while the lock "name" is held. */
function script(text: string, flags: readonly string[] = []): Run {
  return run(['name', ...flags, '--', 'sh', '-c', text])
}

/**
 * Runs a script, and resolves when it has said that it runs, which it does after `setup`. Its process id is in
 * `$FOLDER/pid`.
 */
async function running(work: string, flags: readonly string[] = [], setup = 'true'): Promise<Run> {
  const started = script(`${setup}; echo $$ > "$FOLDER/pid"; echo runs; ${work}`, flags)
  await Promise.race([once(started.child.stdout, 'data'), started.exit])
  expect(started.output).toMatchObject({ stdout: 'runs\n' })
  return started
}

/** The process id that a script has written there. */
function pidIn(name = 'pid'): number {
  return existsSync(path(name)) ? Number(readFileSync(path(name), 'utf8')) : 0
}

/** Goes on until a signal ends it, which a shell looks at between two commands. */
const FOR_EVER = 'exec 2> /dev/null; while :; do sleep 0.1; done'

/** Looks again and again, for as long as a busy machine may take. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 20_000 })
}

function status(name = 'name') {
  return json(`${server.url}/v1/status/${name}`)
}

/** The path of a file that the scripts know as `$FOLDER/name`. */
function path(name: string): string {
  return join(folder, name)
}

/** Starts another server, that has forgotten everything, where one was. */
async function replaceServer(): Promise<void> {
  const { port } = new URL(server.url)
  await killServer()
  server = await ready(['--port', port])
}

async function killServer(): Promise<void> {
  server.child.kill('SIGKILL')
  await server.exit
}

/** What ps(1) says of a process; nothing if there is none. */
function ps(column: string, pid: number): string {
  return spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
}

/** Whether it runs; one that has ended may be listed for long where nobody waits for orphans. */
function isAlive(pid: number): boolean {
  return /^[^Z]/.test(ps('stat', pid))
}

describe('lockable run', () => {
  test('lets one command at a time do its work', async () => {
    const work = 'mkdir "$FOLDER/inside" || exit 9; sleep 0.1; rmdir "$FOLDER/inside"; echo done >> "$FOLDER/log"'
    const runs = Array.from({ length: 5 }, () => script(work))
    for (const { exit } of runs) expect(await exit).toEqual([0, null])
    expect(readFileSync(path('log'), 'utf8')).toBe('done\n'.repeat(5))
  })

  test('holds while its command runs, says who holds, and releases', async () => {
    const { child, exit } = await running('read -r line')
    expect(await status()).toMatchObject({
      state: 'held',
      mode: 'exclusive',
      holders: [{ info: expect.stringContaining(`process ${child.pid}`) }],
    })
    child.stdin.end('\n')
    expect(await exit).toEqual([0, null])
    expect(await status()).toMatchObject({ state: 'free' })
  })

  test('passes input, output, errors and arguments through, and tells the command what it holds', async () => {
    const told = 'cat; echo "$1" >&2; echo "$LOCKABLE_LOCK_NAME $LOCKABLE_FENCING_TOKEN"'
    const { child, exit, output } = run(['a name', '--info', 'me', '--', 'sh', '-c', told, 'sh', '--lease'])
    child.stdin.end('what is read\n')
    expect(await exit).toEqual([0, null])
    const { fencing_token: token } = (await status('a%20name')) as { fencing_token: number }
    expect(output).toEqual({ stdout: `what is read\na name ${token}\n`, stderr: '--lease\n' })
  })

  test.each([
    ['exit 0', [0, null]],
    ['exit 7', [7, null]],
    ['exit 75', [75, null]],
    ['kill -KILL $$', [137, null]],
    ['kill -TERM $$', [143, null]],
    // So that a shell sees that Ctrl-C ended it, and does not go on with its script.
    ['kill -INT $$', [null, 'SIGINT']],
  ])('ends as its command does: %s', async (text, end) => {
    const { exit, output } = script(text)
    expect(await exit).toEqual(end)
    expect(output.stderr).toBe('')
    expect(await status()).toMatchObject({ state: 'free' })
  })

  test('says what it could not run, and releases', async () => {
    writeFileSync(path('text'), 'not a program')
    const missing = run(['name', '--', 'no-such-program'])
    expect(await missing.exit).toEqual([127, null])
    expect(missing.output.stderr).toBe('lockable: "no-such-program" cannot be run: there is no such program.\n')
    const forbidden = run(['name', '--', path('text')])
    expect(await forbidden.exit).toEqual([126, null])
    expect(forbidden.output.stderr).toContain('cannot be run: it is not executable.')
    chmodSync(path('text'), 0o755)
    expect(await status()).toMatchObject({ state: 'free' })
  })

  test('does not wait if it shall not, and is silent about it', async () => {
    const holder = await running('read -r line')
    const { child } = holder
    const refused: [string[], number][] = [
      [['-n'], 1],
      [['--non-blocking', '--conflict-exit-code', '9'], 9],
      [['--timeout', '0'], 1],
      [['--timeout', '200ms'], 1],
      [['-w', '200ms', '-E', '0'], 0],
    ]
    for (const [flags, code] of refused) {
      const { exit, output } = script('echo no', flags)
      expect(await exit).toEqual([code, null])
      expect(output).toEqual({ stdout: '', stderr: '' })
    }
    const verbose = script('echo no', ['-n', '--verbose'])
    expect(await verbose.exit).toEqual([1, null])
    expect(verbose.output.stderr).toMatch(new RegExp(`^lockable: "name" is held by .*process ${child.pid}\\.\n$`))
    expect(await status()).toMatchObject({ waiters: 0 })
    child.stdin.end('\n')
    await holder.exit
  })

  test('waits for its turn, within its time', async () => {
    const { child } = await running('read -r line')
    const waiter = script('echo mine', ['--timeout', '30s', '--verbose'])
    await eventually(status).toMatchObject({ waiters: 1 })
    child.stdin.end('\n')
    expect(await waiter.exit).toEqual([0, null])
    expect(waiter.output.stdout).toBe('mine\n')
    expect(waiter.output.stderr).toContain(`waiting for "name", held by `)
  })

  test('shares with those who share, and with nobody else', async () => {
    const meet = (own: string, other: string) =>
      script(`touch "$FOLDER/${own}"; until [ -e "$FOLDER/${other}" ]; do sleep 0.05; done; cat`, ['--shared'])
    const [one, two] = [meet('one', 'two'), meet('two', 'one')]
    await eventually(() => existsSync(path('one')) && existsSync(path('two'))).toBe(true)
    expect(await status()).toMatchObject({ mode: 'shared', holders: [{}, {}] })
    expect(await script('true', ['-n']).exit).toEqual([1, null])
    one.child.stdin.end()
    two.child.stdin.end()
    expect([await one.exit, await two.exit]).toEqual([
      [0, null],
      [0, null],
    ])
    expect(await script('true', ['-n']).exit).toEqual([0, null])
  })

  test.each([
    [['name', '--', 'true'], { LOCKABLE_LEASE: '30' }, 64, 'LOCKABLE_LEASE is "30": give a duration with its unit'],
    [['name', 'true'], {}, 64, 'Unexpected argument "true"'],
    [['name', '--lease', '10d', '--', 'true'], {}, 64, '--lease is "10d"'],
    [['name', '--lease', '48h', '--', 'true'], {}, 64, '86400000'],
    [['name', '-w', '3s', '--', 'true'], { LOCKABLE_URL: 'http://127.0.0.1:2' }, 69, 'connect ECONNREFUSED'],
    [['name', '--', 'true'], { LOCKABLE_URL: 'http://127.0.0.1:2' }, 69, 'Is the lock server running there'],
  ])('ends with a code of its own and one line if it cannot begin: %j %j', async (args, env, code, message) => {
    const { exit, output } = run(args, env)
    expect(await exit).toEqual([code, null])
    expect(output.stderr).toContain(message)
    expect(output.stderr).toMatch(/^lockable: [^\n]*\n$/)
  })

  test('ends with 77 if its token is refused', async () => {
    const { url } = await ready([], { LOCKABLE_TOKENS: 'lk_right' })
    const refused = run(['name', '--', 'true'], { LOCKABLE_URL: url, LOCKABLE_AUTH_TOKEN: 'lk_wrong' })
    expect(await refused.exit).toEqual([77, null])
    expect(refused.output.stderr).not.toContain('lk_wrong')
    const known = run(['name', '--', 'true'], { LOCKABLE_URL: url, LOCKABLE_AUTH_TOKEN: 'lk_right' })
    expect(await known.exit).toEqual([0, null])
  })

  test('goes on trying to reach its server until its time is up', async () => {
    const { port } = new URL(server.url)
    await killServer()
    const early = script('echo mine', ['--timeout', '60s', '--verbose'])
    await eventually(() => early.output.stderr).toContain('ECONNREFUSED')
    server = await ready(['--port', port])
    expect(await early.exit).toEqual([0, null])
  })
})

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s goes to the command, which may go on or end as it likes',
    async (signal) => {
      const name = signal.slice(3)
      const { child, exit, output } = await running(FOR_EVER, [], `trap 'echo got ${name}; exit 5' ${name}`)
      child.kill(signal)
      expect(await exit).toEqual([5, null])
      expect(output).toEqual({ stdout: `runs\ngot ${name}\n`, stderr: '' })
      expect(await status()).toMatchObject({ state: 'free' })
    },
  )

  test('goes to all that the command has started', async () => {
    const { child, exit } = await running('sh -c "echo \\$\\$ > $FOLDER/other; while :; do sleep 0.1; done"; true')
    await eventually(() => pidIn('other')).toBeGreaterThan(0)
    child.kill('SIGTERM')
    expect(await exit).toEqual([143, null])
    await eventually(() => isAlive(pidIn('other'))).toBe(false)
  })

  test.each([
    ['SIGTERM', [143, null]],
    ['SIGHUP', [129, null]],
    ['SIGINT', [null, 'SIGINT']],
  ] as const)('%s ends the wait, and gives up the place in the queue', async (signal, end) => {
    await running('read -r line')
    const waiter = script('echo no')
    await eventually(status).toMatchObject({ waiters: 1 })
    waiter.child.kill(signal)
    expect(await waiter.exit).toEqual(end)
    expect(waiter.output).toEqual({ stdout: '', stderr: '' })
    expect(await status()).toMatchObject({ state: 'held', waiters: 0 })
  })

  test('that stops it stops its command, and both go on together', async () => {
    const { child, exit } = await running('read -r line; exit 4')
    child.kill('SIGTSTP')
    await eventually(() => ps('stat', pidIn())).toMatch(/^T/)
    await eventually(() => ps('stat', child.pid ?? 0)).toMatch(/^T/)
    child.kill('SIGCONT')
    child.stdin.end('\n')
    expect(await exit).toEqual([4, null])
  })

  test('that stops it for longer than its lease ends its command when it goes on', async () => {
    const work = 'until [ -e "$FOLDER/go" ]; do sleep 0.1; done; echo on; while :; do sleep 0.1; done'
    const { child, exit, output } = await running(work, ['--lease', '6s'])
    child.kill('SIGTSTP')
    await eventually(status).toMatchObject({ state: 'free' })
    writeFileSync(path('go'), '')
    child.kill('SIGCONT')
    expect(await exit).toEqual([75, null])
    expect(output.stderr).toContain('the lock "name" is lost, so the command is ended.')
    expect(output.stdout).toBe('runs\n')
  })

  test('of a terminal is had by a command in the foreground already', async () => {
    const setup = 'trap "echo twice" INT; trap "exit 5" TERM'
    const { child, exit, output } = await running(FOR_EVER, ['--foreground'], setup)
    expect(ps('pgid', pidIn())).toBe(ps('pgid', child.pid ?? 0))
    child.kill('SIGINT')
    child.kill('SIGTERM')
    expect(await exit).toEqual([5, null])
    expect(output.stdout).toBe('runs\n')
  })
})

describe('a command whose lock is lost is ended', () => {
  const WILLING = 'trap "echo term; exit 0" TERM'
  const STUBBORN = 'trap "echo term" TERM'

  test('when an operator frees the lock at once', async () => {
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s'], WILLING)
    const released = lockable(['release', 'name', '--force', '--now'], { LOCKABLE_URL: server.url })
    expect(await released.exit).toEqual([0, null])
    expect(released.output.stdout).toBe('name: 1 holder lost it\n')
    expect(await exit).toEqual([75, null])
    expect(output.stdout).toBe('runs\nterm\n')
    expect(output.stderr).toBe(
      'lockable: the lock "name" is lost, so the command is ended. The lock was revoked at the server.\n',
    )
  })

  test('with all that it has started, and though it does not want to', async () => {
    const setup = `sh -c 'trap "" TERM; echo $$ > "$FOLDER/other"; ${FOR_EVER}' & ${STUBBORN}`
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s', '--kill-after', '500ms'], setup)
    await eventually(() => pidIn('other')).toBeGreaterThan(0)
    await lockable(['release', 'name', '--force', '--now'], { LOCKABLE_URL: server.url }).exit
    expect(await exit).toEqual([75, null])
    expect(output.stdout).toBe('runs\nterm\n')
    await eventually(() => isAlive(pidIn('other'))).toBe(false)
  })

  test('at once, if it gets no time', async () => {
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s', '--kill-after', '0s'], STUBBORN)
    await lockable(['release', 'name', '--force', '--now'], { LOCKABLE_URL: server.url }).exit
    expect(await exit).toEqual([75, null])
    expect(output.stdout).toBe('runs\n')
  })

  test('before the end of its lease, when that is fixed', async () => {
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s'], WILLING)
    const next = script('echo next')
    await eventually(status).toMatchObject({ waiters: 1 })
    const released = lockable(['release', 'name', '--force'], { LOCKABLE_URL: server.url })
    expect(await released.exit).toEqual([0, null])
    expect(released.output.stdout).toContain('name: 1 holder will not be renewed')
    expect(await exit).toEqual([75, null])
    expect(output.stderr).toMatch(/^lockable: the lock "name" ends in [012]\.\d s, so the command is ended\. [^\n]*\n$/)
    expect(await next.exit).toEqual([0, null])
  })

  test('before the end of its lease, when the server is gone', async () => {
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s', '--kill-after', '5s'], STUBBORN)
    const lastHeld = performance.now()
    await killServer()
    await eventually(() => isAlive(pidIn())).toBe(false)
    // The lease ends after 6 s at the latest; one that was not told before would get another 5 s.
    expect(performance.now() - lastHeld).toBeLessThan(8_000)
    expect(await exit).toEqual([75, null])
    expect(output.stdout).toBe('runs\nterm\n')
    expect(output.stderr).toMatch(
      /^lockable: the lock "name" ends in [012]\.\d s, so the command is ended\. The server could not be reached: .* longer --lease/,
    )
  })

  test('when the server has forgotten it', async () => {
    const { exit, output } = await running(FOR_EVER, ['--lease', '6s', '--kill-after', '300ms'], STUBBORN)
    await replaceServer()
    expect(await exit).toEqual([75, null])
    expect(output.stderr).toContain('The server no longer has this lock for us')
  })

  test('and is not taken for a success, if that is found out at its end', async () => {
    const { child, exit, output } = await running('read -r line')
    await replaceServer()
    child.stdin.end('\n')
    expect(await exit).toEqual([75, null])
    expect(output.stderr).toContain('so others may have held it meanwhile.')
  })

  test('when lockable run itself is killed', async () => {
    const setup = `${STUBBORN}; trap 'echo heard' USR1`
    const { child, exit, output } = await running(FOR_EVER, ['--kill-after', '1s'], setup)
    // What passes a signal on has told its guard whom to watch: the command runs a moment before that.
    child.kill('SIGUSR1')
    await eventually(() => output.stdout).toContain('heard')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await eventually(() => isAlive(pidIn())).toBe(false)
    await exit
  })
})
