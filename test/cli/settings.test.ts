import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { KNOWN_SETTINGS } from '../../src/cli/known-settings.ts'
import { readRunCommand } from '../../src/cli/run-settings.ts'
import { readServeCommand } from '../../src/cli/serve-settings.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'lockable-settings-'))
let files = 0

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The path of a new config file with this text, or with this value as JSON. */
function file(content: unknown): string {
  files += 1
  const path = join(folder, `${files}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('a setting', () => {
  it('comes from a flag, else from a variable, else from the file', () => {
    const path = file({ port: 1, host: 'file', 'max-wait': '1s' })
    const env = { LOCKABLE_CONFIG: path, LOCKABLE_PORT: '2', LOCKABLE_HOST: 'variable' }
    const read = readServeCommand(['--port', '3'], env)
    expect(read).toMatchObject({ port: 3, host: 'variable', maxWaitMs: 1_000 })
  })

  it('comes from the file that the flag names, and not from that of the variable', () => {
    const env = { LOCKABLE_CONFIG: file({ port: 1 }) }
    expect(readServeCommand(['--config', file({ host: 'h' })], env)).toMatchObject({ host: 'h' })
    expect(readServeCommand(['--config', file({ host: 'h' })], env).port).toBeUndefined()
  })

  it('may be a list: several flags, commas in a variable, a list in the file', () => {
    const hosts = ['a', 'b']
    const args = ['--allow-host', 'a', '--allow-host', 'b']
    expect(readServeCommand(args, {}).hosts).toEqual(hosts)
    expect(readServeCommand([], { LOCKABLE_ALLOW_HOST: 'a, b,' }).hosts).toEqual(hosts)
    expect(readServeCommand(['--config', file({ 'allow-host': hosts })], {}).hosts).toEqual(hosts)
    expect(readServeCommand(['--config', file({ 'allow-host': 'a' })], {}).hosts).toEqual(['a'])
    expect(readServeCommand(args, { LOCKABLE_ALLOW_HOST: 'c' }).hosts).toEqual(hosts)
  })

  it('may be a switch, which a flag can turn off again', () => {
    const env = { LOCKABLE_CONFIG: file({ insecure: true }) }
    expect(readServeCommand([], env).insecure).toBe(true)
    expect(readServeCommand([], { ...env, LOCKABLE_INSECURE: 'false' }).insecure).toBe(false)
    expect(readServeCommand(['--insecure=false'], env).insecure).toBe(false)
    expect(readServeCommand(['--insecure'], {}).insecure).toBe(true)
  })

  it('may be secret, and then there is no flag for it', () => {
    expect(readServeCommand(['--config', file({ tokens: ['a', 'b:n'] })], {}).tokens).toEqual(['a', 'b:n'])
    expect(() => readServeCommand(['--tokens', 'hunter2'], {})).toThrow(
      new UsageError('--tokens is no flag, since others can see the arguments of a process: set LOCKABLE_TOKENS.'),
    )
  })
})

describe('what is wrong is named, with what may have been meant', () => {
  it.each([
    [['--prot', '1'], 'Unknown flag --prot: did you mean --port?'],
    [['--maxwait', '1s'], 'Unknown flag --maxwait: did you mean --max-wait?'],
    [['--frobnicate'], 'Unknown flag --frobnicate: there are --port, --host'],
    [['--timeout', '1s'], 'Unknown flag --timeout: there are --port'],
    [['-n'], 'Unknown flag -n: there are --port'],
    [['--port'], '--port needs a value: --port PORT.'],
    [['--insecure=yes'], '--insecure is "yes": give true or false.'],
    [['--', 'x'], 'Unexpected argument "x"'],
  ])('on the line: %j', (args, message) => {
    expect(() => readServeCommand(args, {})).toThrow(message)
    expect(() => readServeCommand(args, {})).toThrow(UsageError)
  })

  it.each([
    [{ LOCKABLE_TOKNES: 'hunter2' }, 'Unknown variable LOCKABLE_TOKNES: did you mean LOCKABLE_TOKENS?'],
    [{ LOCKABLE_FROBNICATE: 'hunter2' }, 'Unknown variable LOCKABLE_FROBNICATE: there are LOCKABLE_PORT, '],
    [{ LOCKABLE_PRINT_CONFIG: 'true' }, 'Unknown variable LOCKABLE_PRINT_CONFIG: there are'],
    [{ LOCKABLE_PORT: 'x' }, 'LOCKABLE_PORT is "x"'],
  ])('in the environment: %j', (env, message) => {
    expect(() => readServeCommand([], env)).toThrow(message)
    expect(() => readServeCommand([], env)).not.toThrow('hunter2')
  })

  it.each([
    [{ prot: 1 }, 'Unknown key "prot" in FILE: did you mean "port"?'],
    [{ frobnicate: 1 }, 'Unknown key "frobnicate" in FILE: there are port, host'],
    [{ maxWait: '1s' }, 'Unknown key "maxWait" in FILE: did you mean "max-wait"?'],
    [{ toString: 1 }, 'Unknown key "toString" in FILE'],
    [{ 'print-config': true }, '"print-config" in FILE is only a flag: give it to the command as --print-config.'],
    [{ config: 'x' }, '"config" in FILE is only a flag'],
    [{ 'max-wait': 30 }, '"max-wait" in FILE is "30": give a duration with its unit'],
    [{ port: [1, 2] }, '"port" in FILE is a list: give one value.'],
    [{ tokens: { hunter2: true } }, '"tokens" in FILE must be a text, a number, true, false, or a list of them.'],
    [{ tokens: null }, '"tokens" in FILE must be a text'],
    [['hunter2'], 'The config file FILE must be one JSON object'],
    ['{"tokens": "hunter2", }', 'The config file FILE is not JSON: something is wrong at position 22.'],
    ['hunter2', 'The config file FILE is not JSON'],
  ])('in the file: %j', (content, message) => {
    const path = file(content)
    const read = () => readServeCommand(['--config', path], {})
    expect(read).toThrow(message.replace('FILE', path))
    expect(read).toThrow(UsageError)
    expect(read).not.toThrow('hunter2')
  })

  it('if the file is not there', () => {
    const read = () => readServeCommand([], { LOCKABLE_CONFIG: '/nowhere/lockable.json' })
    expect(read).toThrow(new UsageError('The config file /nowhere/lockable.json cannot be read: there is none.'))
  })
})

describe('what is not ours is left alone', () => {
  it('in the environment of a service of Kubernetes that is called lockable', () => {
    const env = {
      LOCKABLE_SERVICE_HOST: '10.0.0.1',
      LOCKABLE_SERVICE_PORT: '5625',
      LOCKABLE_PORT: 'tcp://10.0.0.1:5625',
      LOCKABLE_PORT_5625_TCP: 'tcp://10.0.0.1:5625',
      LOCKABLE_PORT_5625_TCP_ADDR: '10.0.0.1',
      LOCKABLE_SERVICE_PORT_HTTP: '5625',
    }
    expect(readServeCommand([], env).port).toBeUndefined()
  })

  it('in the environment of an application that runs a command, unless it is nearly one of ours', () => {
    const args = ['name', '--', 'true']
    expect(readRunCommand(args, { LOCKABLE_DATABASE: 'x' }).name).toBe('name')
    expect(() => readRunCommand(args, { LOCKABLE_AUTH_TOKNE: 'x' })).toThrow('did you mean LOCKABLE_AUTH_TOKEN?')
  })

  it('in the environment of a command that lockable runs', () => {
    const env = { LOCKABLE_LOCK_NAME: 'x', LOCKABLE_FENCING_TOKEN: '7' }
    expect(readRunCommand(['name', '--', 'true'], env).name).toBe('name')
    expect(readServeCommand([], env).port).toBeUndefined()
  })

  it('in a file and an environment that several commands share', () => {
    const env = { LOCKABLE_CONFIG: file({ port: 1, url: 'http://127.0.0.1:1' }), LOCKABLE_MAX_WAIT: '1s' }
    expect(readRunCommand(['name', '--', 'true'], env).target.url).toBe('http://127.0.0.1:1')
    expect(readServeCommand([], env)).toMatchObject({ port: 1, maxWaitMs: 1_000 })
  })
})

it('the help of each command has all of its settings', async () => {
  const helps = await Promise.all(['serve', 'run', 'status', 'locks', 'release'].map((name) => COMMANDS[name]?.help()))
  const text = helps.join('\n')
  for (const [name, { place, placeholder, description }] of Object.entries(KNOWN_SETTINGS)) {
    const shown = place === 'hidden' ? 'LOCKABLE_' : `--${name}${placeholder === null ? ' ' : ` ${placeholder} `}`
    expect(text).toContain(shown)
    expect(text).toContain(description)
  }
})
