import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readServeCommand } from '../../src/cli/serve-settings.ts'
import { startCommand, urlOf } from '../server/command.ts'

const METRIC = /^lockable_acquires_total\{result="granted",mode="exclusive"\} 1$/m

describe('the flags about what an operator sees', () => {
  it('are read from the command line and from the environment', () => {
    const flags = ['--log', 'json', '--log-level', 'debug', '--metrics-listen', '[::1]:9464', '--drain', '5s']
    expect(readServeCommand(flags, { LOCKABLE_LOG_NAMES: 'hash' })).toMatchObject({
      log: 'json',
      logLevel: 'debug',
      logNames: 'hash',
      metricsListen: { host: '::1', port: 9464 },
      drainMs: 5_000,
    })
  })

  it.each([
    [['--log', 'xml'], '--log is "xml": give one of text, json.'],
    [['--log-level', 'loud'], '--log-level is "loud": give one of debug, info, warn, error, silent.'],
    [['--metrics-listen', '9464'], '--metrics-listen is "9464": give an address and a port'],
    [['--metrics-listen', '127.0.0.1:94640'], '--metrics-listen is "127.0.0.1:94640"'],
  ])('say what is wrong with %j', (args, message) => {
    expect(() => readServeCommand(args, {})).toThrow(message)
  })
})

describe('lockable serve', () => {
  it('logs as JSON its start with what is in force and no secret, and its end', async () => {
    const env = { LOCKABLE_TOKENS: 's3cret-token:team', LOCKABLE_LOG: 'json' }
    const child = startCommand(['--max-lease', '5m'], { env })
    const url = await urlOf(child)
    child.signal('SIGTERM')
    const { code, stderr } = await child.ended
    expect(code).toBe(0)
    expect(stderr).not.toContain('s3cret')
    const lines = stderr.trimEnd().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries.map(({ level, message }) => `${level} ${String(message).slice(0, 20)}`)).toEqual([
      'warn locks live in memory',
      'info started',
      'info stopping',
      'info stopped',
    ])
    expect(entries[1]).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      url,
      metricsUrl: `${url}/metrics`,
      store: 'memory',
      access: ['tokens'],
      lease: { maxMs: 300_000 },
      tls: false,
    })
    expect(entries[2]).toMatchObject({ signal: 'SIGTERM' })
  })

  it('says to people only what they need: on stderr nothing but warnings, on stdout that it listens', async () => {
    const child = startCommand(['--log', 'text', '--grace', '1s', '--max-lease', '1s', '--default-lease', '1s'])
    const url = await urlOf(child)
    child.signal('SIGTERM')
    const { stdout, stderr } = await child.ended
    expect(stdout).toBe(`lockable listening on ${url}\n`)
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^lockable: warning: no tokens are set/)])
  })

  it('serves metrics to everybody where it is open, and only there if an address of their own is given', async () => {
    const open = await urlOf(startCommand([]))
    await fetch(`${open}/v1/acquire/k`)
    expect(await (await fetch(`${open}/metrics`)).text()).toMatch(METRIC)

    const env = { LOCKABLE_TOKENS: 'lk_one', LOCKABLE_LOG: 'json' }
    const child = startCommand(['--metrics-listen', '127.0.0.1:0', '--log-level', 'info'], { env })
    const url = await urlOf(child)
    const headers = { Authorization: 'Bearer lk_one' }
    await fetch(`${url}/v1/acquire/k`, { headers })
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(404)
    const metricsUrl = await child.errorLine(/"metricsUrl":"([^"]*)"/)
    expect(await (await fetch(metricsUrl)).text()).toMatch(METRIC)
    expect((await fetch(new URL('/v1', metricsUrl))).status).toBe(404)
    expect((await fetch(metricsUrl, { method: 'POST' })).status).toBe(404)
    child.signal('SIGTERM')
    expect((await child.ended).code).toBe(0)
  })

  it('says in one line that the port for metrics is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { code, stderr } = await startCommand(['--metrics-listen', `127.0.0.1:${port}`]).ended
    expect(code).toBe(1)
    expect(stderr).toBe(
      `lockable: Port ${port} on 127.0.0.1 for metrics is in use: stop what listens there, or choose another with --metrics-listen.\n`,
    )
    taken.close()
  })
})
