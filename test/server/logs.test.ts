import { describe, expect, it } from 'vitest'
import { logFacts } from '../../src/cli/observe-facts.ts'
import type { LogNames } from '../../src/cli/observe-flags.ts'
import { createLog, type LogOptions } from '../../src/cli/observe-log.ts'
import { createHandler } from '../../src/server/handler.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { newOwner } from '../support/owners.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

type Line = Readonly<Record<string, unknown>>

/** A handler that logs, and what it has logged. */
function logging(
  { level = 'debug', names = 'plain' }: { level?: LogOptions['level']; names?: LogNames },
  options: HandlerOptions = {},
) {
  const written: string[] = []
  const clock = new VirtualClock()
  const log = createLog({ format: 'json', level, write: (line) => written.push(line) })
  const observer = logFacts({ log, names, now: () => clock.now() })
  const handler = createHandler({
    observer,
    onError: (error, failure) => log.error('failed', { ...failure, error }),
    ...options,
  })
  const lines = (): Line[] => written.map((line) => JSON.parse(line))
  const fetchPath = (path: string, body?: object, headers: Record<string, string> = {}) =>
    handler.fetch(
      new Request(`http://localhost${path}`, {
        headers: { ...headers, 'Content-Type': 'application/json' },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      }),
    )
  return { written, clock, lines, handler, fetchPath }
}

function failing(error: () => Error): LockStore {
  const store = createMemoryStore()
  return Object.assign(store, {
    acquire: async () => {
      throw error()
    },
  })
}

describe('a log', () => {
  it('is one JSON object a line, with a level by name and the time', () => {
    const written: string[] = []
    const log = createLog({ format: 'json', level: 'info', write: (line) => written.push(line) })
    log.info('hello', { lock: 'a b' })
    log.debug('not this')
    expect(written).toHaveLength(1)
    expect(written[0]?.endsWith('}\n')).toBe(true)
    expect(JSON.parse(written[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      message: 'hello',
      lock: 'a b',
    })
  })

  it('is a line for people, with what could be taken for more than one word in quotes', () => {
    const written: string[] = []
    const log = createLog({ format: 'text', level: 'debug', write: (line) => written.push(line) })
    log.info('hello', { lock: 'a\nb', count: 2 })
    log.warn('careful')
    log.debug('small', { lock: 'k' })
    log.announce('only for machines')
    const error = new Error('broken')
    log.error('failed.', { error })
    expect(written).toEqual([
      'lockable: hello lock="a\\nb" count=2\n',
      'lockable: warning: careful\n',
      'lockable: debug: small lock=k\n',
      `lockable: error: failed.\n${error.stack}\n`,
    ])
  })

  it('shows no member that is called as a secret is, and of errors only what is known to be harmless', () => {
    const written: string[] = []
    const log = createLog({ format: 'json', level: 'info', write: (line) => written.push(line) })
    const error = Object.assign(new Error('broken', { cause: new Error('why') }), { code: 'E', parameters: ['s3cret'] })
    log.error('x', { token: 's3cret', nested: { owner: 's3cret', session: 's3cret' }, authorization: 's3cret', error })
    expect(written[0]).not.toContain('s3cret')
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      token: '[redacted]',
      error: { message: 'broken', code: 'E', cause: { message: 'why' } },
    })
  })
})

describe('what a server logs', () => {
  it('is each request for debug, by its route, and nothing of it for info', async () => {
    const { fetchPath, lines, handler } = logging({})
    await fetchPath('/v1/acquire/team%2Fjob')
    await fetchPath('/v1/acquire/%zz')
    await fetchPath('/what?token=s3cret')
    await handler.close()
    const requests = lines().filter(({ message }) => message === 'request')
    expect(requests).toEqual([
      expect.objectContaining({ method: 'GET', route: '/v1/acquire/*', lock: 'team/job', status: 200 }),
      expect.objectContaining({ route: '/v1/acquire/*', status: 400 }),
      expect.objectContaining({ route: 'other', status: 404 }),
    ])
    const quiet = logging({ level: 'info' })
    await quiet.fetchPath('/v1/acquire/k')
    await quiet.handler.close()
    expect(quiet.written).toEqual([])
  })

  it('is what becomes of locks for debug', async () => {
    const clock = new VirtualClock()
    const { fetchPath, lines, handler } = logging({}, { clock, tokens: ['lk_one:team'] })
    const authorized = { Authorization: 'Bearer lk_one' }
    await fetchPath('/v1/acquire/k', { owner: newOwner(), lease_ms: 1_000 }, authorized)
    clock.advance(1_000)
    await handler.close()
    expect(lines().filter(({ message }) => message !== 'request')).toEqual([
      expect.objectContaining({ message: 'lock granted', namespace: 'team', lock: 'k', mode: 'exclusive' }),
      expect.objectContaining({
        message: 'lock ended',
        lock: 'k',
        reason: 'expired',
        unconfirmed: false,
        heldMs: 1_000,
      }),
    ])
  })

  it.each([
    ['hash', /^sha256:[\da-f]{16}$/],
    ['none', undefined],
  ] as const)('has names as they were asked for: %s', async (names, pattern) => {
    const { fetchPath, written, lines, handler } = logging({ names })
    await fetchPath('/v1/acquire/customer-4711')
    await fetchPath('/v1/release/customer%2D4711')
    await handler.close()
    expect(written.join()).not.toContain('4711')
    const called = lines().map(({ lock }) => lock)
    expect(called).toHaveLength(4)
    expect(new Set(called).size).toBe(1)
    if (pattern === undefined) expect(called[0]).toBeUndefined()
    else expect(called[0]).toMatch(pattern)
  })

  it('has no token, owner, session and info', async () => {
    const { fetchPath, written, handler } = logging({}, { tokens: ['s3cret-token'] })
    const headers = { Authorization: 'Bearer s3cret-token' }
    const [owner, session] = ['s3cret-owner', 's3cret-session']
    const info = 's3cret-info'
    await fetchPath('/v1/acquire/k', { owner, info }, headers)
    await fetchPath('/v1/acquire/k', { owner: `${owner}-2`, info, lease_ms: 's3cret' }, headers)
    await fetchPath('/v1/heartbeat/k', { owner }, headers)
    const commands = [{ op: 'acquire', name: 'k', owner: `${owner}-3`, info }]
    await fetchPath('/v1/session/commands', { session, open: { info }, seq: 1, commands }, headers)
    await fetchPath('/v1/session/heartbeat', { session })
    await fetchPath('/v1/release/k', { owner })
    await fetchPath('/v1/acquire/k', undefined, { Authorization: 'Bearer s3cret-guess' })
    await fetchPath('/v1/session/release', { session })
    await handler.close()
    expect(written.length).toBeGreaterThan(8)
    expect(written.join('')).not.toContain('s3cret')
  })
})

describe("an error that is the server's own", () => {
  it('is logged under the name that the reply has', async () => {
    const { fetchPath, lines, handler } = logging({ level: 'info' }, { store: failing(() => new Error('a bug')) })
    const replies = await Promise.all([1, 2].map(async () => (await fetchPath('/v1/acquire/k')).json()))
    await handler.close()
    for (const reply of replies) {
      expect(reply).toMatchObject({
        type: 'urn:lockable:problem:internal',
        instance: expect.stringMatching(/^urn:lockable:request:[\da-z]+-\d+$/),
      })
      expect(JSON.stringify(reply)).not.toContain('a bug')
    }
    const instances = lines().map(({ instance }) => instance)
    expect(instances.sort()).toEqual(replies.map((reply) => (reply as Line).instance).sort())
    expect(new Set(instances).size).toBe(2)
    expect(lines()[0]).toMatchObject({
      level: 'error',
      request: 'GET /v1/acquire/*',
      error: { message: 'a bug', stack: expect.stringContaining('logs.test') },
    })
  })

  it('is told of a store that does not answer once in 10 s, with how often that was', async () => {
    const store = failing(() => new StoreUnavailableError('down'))
    const { fetchPath, lines, clock, handler } = logging({ level: 'info' }, { store })
    for (let time = 0; time < 5; time += 1) expect((await fetchPath('/v1/acquire/k')).status).toBe(503)
    clock.advance(10_000)
    await fetchPath('/v1/acquire/k')
    await handler.close()
    expect(lines()).toEqual([
      expect.objectContaining({ level: 'error', operation: 'acquire', steps: 1 }),
      expect.objectContaining({ level: 'error', operation: 'acquire', steps: 5 }),
    ])
  })
})
