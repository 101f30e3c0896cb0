import { expect, it } from 'vitest'
import { readServeCommand } from '../../src/cli/serve-settings.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

it.each([
  [[], {}, { kind: 'memory' }],
  [['--store', 'memory'], {}, { kind: 'memory' }],
  [['--store', 'file:/var/lib/lockable'], {}, { kind: 'file', path: '/var/lib/lockable' }],
  [['--store', 'file:a:b c'], {}, { kind: 'file', path: 'a:b c' }],
  [[], { LOCKABLE_STORE: 'file:locks' }, { kind: 'file', path: 'locks' }],
  [['--store', 'memory'], { LOCKABLE_STORE: 'file:locks' }, { kind: 'memory' }],
  [['--store', 'postgres://u:p@db/locks'], {}, { kind: 'postgres', url: 'postgres://u:p@db/locks' }],
  [['--store', 'postgresql://db/locks'], {}, { kind: 'postgres', url: 'postgresql://db/locks' }],
  [['--store', 'etcd://a:2379,b:2379'], {}, { kind: 'etcd', url: 'etcd://a:2379,b:2379' }],
  [['--store', 'etcds://a'], {}, { kind: 'etcd', url: 'etcds://a' }],
])('the store of %j and %j is %j', (args, env, address) => {
  expect(readServeCommand(args, env).storeAddress).toEqual(address)
})

it.each(['file', 'file:', 'redis://db', 'Memory', '', 'postgres:db', 'etcd'])('there is no store %j', (text) => {
  const message = `--store is ${JSON.stringify(text)}: give memory, file:FOLDER, postgres://HOST/DATABASE or etcd://HOST:PORT.`
  expect(() => readServeCommand(['--store', text], {})).toThrow(new UsageError(message))
})

it('a password in an address that is wrong is not quoted', () => {
  const refused = () => readServeCommand(['--store', 'mysql://user:hunter2@db/locks?password=hunter2'], {})
  expect(refused).toThrow('--store is "mysql://…@db/locks?…"')
})

it.each([
  [['--store', 'file:x', '--mark', 'y'], {}, '--mark (LOCKABLE_MARK)', 'file'],
  [['--store', 'file:x', '--grace', '0'], {}, '--grace (LOCKABLE_GRACE)', 'file'],
  [['--grace', '5s'], { LOCKABLE_STORE: 'postgres://x' }, '--grace (LOCKABLE_GRACE)', 'postgres'],
  [['--store', 'etcd://x'], { LOCKABLE_MARK: 'y' }, '--mark (LOCKABLE_MARK)', 'etcd'],
])(
  'what bridges the forgetting of memory is refused with a store that forgets nothing: %j and %j',
  (args, env, flag, kind) => {
    const message = `${flag} is for --store memory, whose locks are forgotten: a ${kind} store keeps them, so leave it out.`
    expect(() => readServeCommand(args, env)).toThrow(new UsageError(message))
    expect(readServeCommand(['--store', 'memory', '--mark', 'y', '--grace', '5s'], {})).toMatchObject({ mark: 'y' })
  },
)

it('a token floor goes with every store', () => {
  const args = ['--store', 'file:x', '--token-floor', '7']
  expect(readServeCommand(args, {})).toMatchObject({ storeAddress: { kind: 'file', path: 'x' }, tokenFloor: 7 })
})

it('prints what is in force and from where, and nothing that is secret', () => {
  const env = {
    LOCKABLE_TOKENS: 'hunter2,hunter3:team',
    LOCKABLE_STORE: 'postgres://user:hunter2@db/locks?password=hunter2',
    LOCKABLE_CORS_ORIGIN: 'https://a.example,https://b.example',
  }
  const { printout = '' } = readServeCommand(['--print-config', '--port', '1', '--port', '2'], env)
  expect(printout).not.toContain('hunter')
  for (const row of [
    /^port +2 +--port$/m,
    /^host +127\.0\.0\.1 +default$/m,
    /^mark +- +default$/m,
    /^insecure +false +default$/m,
    /^store +postgres:\/\/…@db\/locks\?… +LOCKABLE_STORE$/m,
    /^tokens +2, not shown +LOCKABLE_TOKENS$/m,
    /^cors-origin +https:\/\/a\.example, https:\/\/b\.example +LOCKABLE_CORS_ORIGIN$/m,
  ]) {
    expect(printout).toMatch(row)
  }
  expect(readServeCommand([], {}).printout).toBeUndefined()
})
