import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { variableOf } from '../../src/cli/flags.ts'
import { SERVE_FLAGS } from '../../src/cli/serve-flags.ts'
import { readServeCommand } from '../../src/cli/serve-settings.ts'
import { serve } from '../../src/server/node.ts'

const ROOT = join(import.meta.dirname, '../..')

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const CLI = `node_modules/lockable/${JSON.parse(read('package.json')).bin.lockable.replace('./', '')}`

describe('deploy/Dockerfile', () => {
  /** Its instructions, without comments and with continued lines in one. */
  const instructions = read('deploy/Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()] as const)

  const stages = instructions.flatMap(([word], index) => (word === 'FROM' ? [index] : []))
  const last = instructions.slice(stages.at(-1))
  const of = (word: string) => last.filter(([each]) => each === word).map(([, rest]) => rest)

  it('runs the command that is in the package, without a shell, and not as root', () => {
    expect(JSON.parse(of('ENTRYPOINT')[0] ?? '')).toEqual(['node', `/app/${CLI}`])
    expect(JSON.parse(of('CMD')[0] ?? '')).toEqual(['serve'])
    expect(of('USER')).toEqual(['node'])
    const words = last.map(([word]) => word)
    expect(words.indexOf('USER')).toBeGreaterThan(words.lastIndexOf('RUN'))
  })

  it('builds by scripts that exist, and copies what is there', () => {
    const scripts = JSON.parse(read('package.json')).scripts
    for (const [, script = ''] of read('deploy/Dockerfile').matchAll(/npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty(script)
    const copied = instructions.filter(([word, rest]) => word === 'COPY' && !rest.startsWith('--from'))
    for (const [, rest] of copied) {
      for (const source of rest.split(/\s+/).slice(0, -1)) expect(existsSync(join(ROOT, source)), source).toBe(true)
    }
    const names = instructions.flatMap(([word, rest]) => (word === 'FROM' ? [/ AS (\w+)$/.exec(rest)?.[1]] : []))
    for (const [, from = ''] of read('deploy/Dockerfile').matchAll(/--from=(\w+)/g)) expect(names).toContain(from)
  })

  it('sets variables that the command knows, and keeps its locks in the volume', () => {
    const env = Object.fromEntries(
      [...(of('ENV')[0] ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    )
    const ours = Object.keys(env).filter((name) => name.startsWith('LOCKABLE_'))
    expect(ours.length).toBeGreaterThan(2)
    for (const name of ours) expect(Object.keys(SERVE_FLAGS).map(variableOf)).toContain(name)
    const command = readServeCommand([], env)
    const [volume = ''] = of('VOLUME')
    expect(command).toMatchObject({ host: '0.0.0.0', storeAddress: { kind: 'file', path: volume } })
    expect(of('EXPOSE')).toEqual([String(command.port)])
    expect(of('RUN').join()).toContain(volume)
  })

  it('has a health check that tells a server that lives from none', async () => {
    const [check = ''] = of('HEALTHCHECK')
    const [command, ...args]: string[] = JSON.parse(check.slice(check.indexOf('[')))
    expect(command).toBe('node')
    const server = await serve({ port: 0 })
    const here = args.map((arg) => arg.replace(':5625/', `:${server.port}/`))
    await promisify(execFile)(process.execPath, here)
    await server.close()
    await expect(promisify(execFile)(process.execPath, here)).rejects.toMatchObject({ code: 1 })
  })
})

describe('deploy/lockable.service', () => {
  const unit = read('deploy/lockable.service')

  it('starts what is installed, with the config file beside it', () => {
    const [, node = '', cli, args = ''] = /^ExecStart=(\S+) (\S+) serve (.*)$/m.exec(unit) ?? []
    expect(node).toBe('/usr/bin/node')
    expect(cli).toBe(`/opt/lockable/${CLI}`)
    expect(args).toBe('--config /etc/lockable/lockable.json')
    const command = readServeCommand(['--config', join(ROOT, 'deploy/lockable.json')], {})
    expect(command).toMatchObject({ storeAddress: { kind: 'file', path: '/var/lib/lockable' }, log: 'json' })
  })

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
  it.skipIf(!hasSystemd)('is one that systemd understands', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockable-unit-'))
    const file = join(folder, 'lockable.service')
    // Neither the program nor the user needs to be on this machine.
    await writeFile(file, unit.replace('/usr/bin/node', process.execPath).replaceAll(/^(User|Group)=.*\n/gm, ''))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    await rm(folder, { recursive: true })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
