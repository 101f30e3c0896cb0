import { expect, it } from 'vitest'
import { readServeCommand } from '../../src/cli/serve-flags.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

it.each([
  [[], {}, undefined],
  [['--store', 'memory'], {}, null],
  [['--store', 'file:/var/lib/lockable'], {}, '/var/lib/lockable'],
  [['--store', 'file:a:b c'], {}, 'a:b c'],
  [[], { LOCKABLE_STORE: 'file:locks' }, 'locks'],
  [['--store', 'memory'], { LOCKABLE_STORE: 'file:locks' }, null],
])('the store of %j and %j is in %j', (args, env, file) => {
  expect(readServeCommand(args, env).file).toBe(file)
})

it.each(['file', 'file:', 'postgres://db', 'Memory', ''])('there is no store %j', (text) => {
  const message = `--store is ${JSON.stringify(text)}: give memory, or file: and the path of a folder.`
  expect(() => readServeCommand(['--store', text], {})).toThrow(new UsageError(message))
})

it.each([
  [['--store', 'file:x', '--mark', 'y'], {}, '--mark (LOCKABLE_MARK)'],
  [['--store', 'file:x', '--grace', '0'], {}, '--grace (LOCKABLE_GRACE)'],
  [['--grace', '5s'], { LOCKABLE_STORE: 'file:x' }, '--grace (LOCKABLE_GRACE)'],
  [['--store', 'file:x'], { LOCKABLE_MARK: 'y' }, '--mark (LOCKABLE_MARK)'],
])(
  'what bridges the forgetting of memory is refused with a store that forgets nothing: %j and %j',
  (args, env, flag) => {
    const message = `${flag} is for --store memory, whose locks are forgotten: a file store keeps them, so leave it out.`
    expect(() => readServeCommand(args, env)).toThrow(new UsageError(message))
    expect(readServeCommand(['--store', 'memory', '--mark', 'y', '--grace', '5s'], {})).toMatchObject({ mark: 'y' })
  },
)

it('a token floor goes with every store', () => {
  const args = ['--store', 'file:x', '--token-floor', '7']
  expect(readServeCommand(args, {})).toMatchObject({ file: 'x', tokenFloor: 7 })
})
