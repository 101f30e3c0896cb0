import { describe, expect, it } from 'vitest'
import { readRunCommand } from '../../src/cli/run-settings.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

describe('lockable run', () => {
  it('takes a name, and a command with arguments that it does not look at', () => {
    const { name, program, args } = readRunCommand(['deploy', '--', 'make', '-n', '--', '--help'], {})
    expect({ name, program, args }).toEqual({ name: 'deploy', program: 'make', args: ['-n', '--', '--help'] })
  })

  it('takes flags before and after the name, and those of flock by their letters', () => {
    expect(readRunCommand(['-ns', '-E', '9', 'x', '--lease', '30s', '--', 'true'], {})).toMatchObject({
      name: 'x',
      isBlocking: false,
      isShared: true,
      conflictExitCode: 9,
      leaseMs: 30_000,
    })
    expect(readRunCommand(['x', '-w1.5s', '-E0', '--', 'true'], {})).toMatchObject({
      timeoutMs: 1_500,
      conflictExitCode: 0,
      isBlocking: true,
    })
  })

  it('waits for ever, on this machine, unless it is told otherwise', () => {
    expect(readRunCommand(['x', '--', 'true'], {})).toMatchObject({
      isBlocking: true,
      timeoutMs: null,
      isShared: false,
      conflictExitCode: 1,
      killAfterMs: 5_000,
      leaseMs: null,
      target: { url: 'http://127.0.0.1:5625', authToken: null },
    })
    const env = { LOCKABLE_URL: 'https://locks.example/', LOCKABLE_AUTH_TOKEN: 't', LOCKABLE_TIMEOUT: '1m' }
    expect(readRunCommand(['x', '--', 'true'], env)).toMatchObject({
      timeoutMs: 60_000,
      target: { url: 'https://locks.example', authToken: 't' },
    })
  })

  it('does not wait with a timeout of 0', () => {
    expect(readRunCommand(['x', '--timeout', '0', '--', 'true'], {})).toMatchObject({
      isBlocking: false,
      timeoutMs: null,
    })
  })

  it.each([
    [[], 'The name of the lock is missing: lockable run NAME.'],
    [['--', 'true'], 'The name of the lock is missing'],
    [['x'], 'The command is missing: lockable run x -- COMMAND, with -- before it.'],
    [['x', '--'], 'The command is missing'],
    [['x', '--', ''], 'The command is missing'],
    [['x', 'true'], 'Unexpected argument "true"'],
    [['x', '-w', '5', '--', 'true'], '--timeout is "5": give a duration with its unit'],
    [['x', '-E', '256', '--', 'true'], '--conflict-exit-code is "256": give an exit code from 0 to 255.'],
    [['', '--', 'true'], 'A lock name must not be empty'],
    [['a/../b', '--', 'true'], 'has a "." or ".." path segment'],
    [['x', '--url', 'locks.example', '--', 'true'], '--url (LOCKABLE_URL): '],
    [['x', '--auth-token', 'hunter2', '--', 'true'], '--auth-token is no flag'],
  ])('is called wrongly by %j', (args, message) => {
    expect(() => readRunCommand(args, {})).toThrow(message)
    expect(() => readRunCommand(args, {})).toThrow(UsageError)
  })
})
