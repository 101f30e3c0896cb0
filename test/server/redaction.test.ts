import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { logFacts } from '../../src/cli/observe-facts.ts'
import { createLog } from '../../src/cli/observe-log.ts'
import { Metrics } from '../../src/cli/observe-metrics.ts'
import { runTokenCommand } from '../../src/cli/token-command.ts'
import { createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import { openTokenFile, serve } from '../../src/server/node.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { systemClock } from '../../src/server/system-clock.ts'
import { type Sent, send } from './http-bench.ts'

/** In each secret of this test, so that it is found wherever a part of one is. */
const MARK = 'S3CRET'

const OWNER = `${MARK}-owner-`
const SESSION = `${MARK}-session-`
const INFO = { who: `${MARK}-info` }

async function busyServer() {
  const folder = mkdtempSync(join(tmpdir(), 'lockable-redaction-'))
  const file = join(folder, 'tokens.json')
  const kept = (await runTokenCommand(['create', '--file', file, '--right', 'lock'], {})).trim()
  const revoked = (await runTokenCommand(['create', '--file', file], {})).trim()
  const key = createCapabilityKey()
  const mint = (now: number) => mintCapability({ key, subject: 'alice', locks: ['doc'], now })
  const [good, old] = [await mint(Date.now()), await mint(Date.now() - 1_000_000)]
  const listed = `lk_${MARK}`
  const written: string[] = []
  const log = createLog({ format: 'json', level: 'debug', write: (line) => written.push(line) })
  const text = createLog({ format: 'text', level: 'debug', write: (line) => written.push(line) })
  const store = createMemoryStore()
  // An error of the server's own, which is logged with what is known of the request.
  store.inspect = async () => Promise.reject(new Error('The disk is full.'))
  const metrics = new Metrics({ store, version: '0' })
  const [facts, textFacts] = [log, text].map((each) => logFacts({ log: each, names: 'plain', now: systemClock.now }))
  const tokenSource = openTokenFile(file, { onError: (error) => log.error('tokens', { error }) })
  const server = await serve({
    port: 0,
    store,
    tokens: [listed],
    tokenSource,
    capabilityKeys: [key],
    observer: (fact) => {
      metrics.observe(fact)
      facts?.(fact)
      textFacts?.(fact)
    },
    onError: (error, failure) => {
      log.error('the server met an error of its own.', { ...failure, error })
      text.error('the server met an error of its own.', { ...failure, error })
    },
  })
  await runTokenCommand(['revoke', revoked.slice(3, 11), '--file', file], {})
  tokenSource.reload()
  onTestFinished(async () => {
    tokenSource.close()
    await server.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return { server, written, metrics, tokens: [listed, kept, revoked, good, old], key }
}

/** What a client may send that does well, and that goes wrong in every way that has an answer of its own. */
function requests(round: string): { path: string; body?: unknown; sent?: Sent }[] {
  const [owner, other, session] = [`${OWNER}${round}`, `${OWNER}other-${round}`, `${SESSION}${round}`]
  const commands = [
    { op: 'acquire', name: 'doc', owner: `${owner}-in`, info: INFO },
    { op: 'acquire', name: 'not-mine', owner: `${owner}-out`, info: INFO },
    { op: 'acquire', name: 'doc', owner: `${owner} malformed`, info: INFO },
    { op: 'acquire', name: 'doc', owner: `${owner}-large`, info: MARK.repeat(500) },
    { op: 'release', name: 'doc', owner: [owner] },
    { op: 'query' },
  ]
  return [
    { path: '/v1/acquire/doc', body: { owner, info: INFO } },
    { path: '/v1/acquire/doc', body: { owner: other, info: INFO } },
    { path: '/v1/acquire/doc', body: { owner, mode: 'shared', info: INFO } },
    { path: '/v1/acquire/doc', body: { owner: `${owner} malformed` } },
    { path: '/v1/acquire/doc', body: { owner: { [owner]: owner } } },
    { path: '/v1/acquire/doc', body: { owner, info: MARK.repeat(500) } },
    { path: '/v1/acquire/doc', body: `{"owner":"${owner}"` },
    { path: '/v1/acquire/doc', body: [owner] },
    { path: '/v1/acquire/doc', body: { owner: other, steal: 'now' } },
    { path: '/v1/heartbeat/doc', body: { owner } },
    { path: '/v1/heartbeat/doc', body: { owner: `${owner}-unknown` } },
    { path: '/v1/heartbeat/doc', body: { owner, lease_ms: 1 } },
    { path: '/v1/session/commands', body: { session, open: { info: INFO }, seq: 1, commands } },
    { path: '/v1/session/commands', body: { session, seq: 1, commands } },
    { path: '/v1/session/commands', body: { session: `${session}-unknown`, seq: 1, commands } },
    { path: '/v1/session/commands', body: { session, open: {}, seq: 2, confirm: owner, commands: { owner } } },
    { path: '/v1/session/heartbeat', body: { session, confirm: [`${owner}-in`] } },
    { path: '/v1/session/heartbeat', body: { session: [session] } },
    { path: '/v1/session/heartbeat', body: { session: `${session}-unknown` } },
    { path: '/v1/session/stream', body: { sessions: [session] } },
    { path: '/v1/session/stream', body: { sessions: [{ session: `${session}-unknown` }] } },
    { path: '/v1/session/release', body: { session } },
    { path: '/v1/release/doc', body: { owner } },
    { path: '/v1/acquire/doc', body: { owner, info: INFO } },
    { path: '/v1/force-release/doc', body: { now: true } },
    { path: '/v1/acquire/classic' },
    { path: '/v1/heartbeat/classic' },
    { path: '/v1/release/classic' },
    { path: '/v1/status/doc' },
    { path: '/v1/locks' },
    { path: `/v1/nothing?token=${MARK}` },
    { path: '/v1/acquire/doc', sent: { method: 'PUT' } },
    { path: '/v1/acquire/doc', sent: { headers: { Origin: 'https://evil.example' } } },
  ]
}

test('nothing secret is in a log, a metric or the reply to somebody else', async () => {
  const { server, written, metrics, tokens, key } = await busyServer()
  const replies: { status: number; body: string }[] = []
  const authorizations = [
    ...tokens.map((token) => `Bearer ${token}`),
    ...tokens.map((token) => `Basic ${Buffer.from(`${token}:`).toString('base64')}`),
    `Bearer ${MARK}-unknown`,
    `Basic ${Buffer.from(`${MARK}:${MARK}`).toString('base64')}`,
    `${MARK} scheme`,
  ]
  for (const [round, Authorization] of authorizations.entries()) {
    for (const { path, body, sent } of requests(String(round))) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const headers = { Authorization, 'Content-Type': 'application/json', ...sent?.headers }
      const method = sent?.method ?? (body === undefined ? 'GET' : 'POST')
      const reply = await send(server, path, { method, headers, ...(text !== undefined && { body: text }) })
      replies.push({ status: reply.status, body: `${JSON.stringify(reply.headers)}${reply.body}` })
    }
  }
  const page = await metrics.page()
  const output = [...written, JSON.stringify(page)].join('\n')
  // It was busy: all that can be answered was, and all of it was logged.
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 403, 404, 405, 409, 500]))
  expect(written.length).toBeGreaterThan(replies.length)
  expect(output).toContain('The disk is full.')

  const credentials = [...tokens, ...authorizations, String(key.k)].flatMap((secret) => [
    secret,
    secret.slice(0, -6),
    ...secret.split('.').filter((part) => part.length > 20),
  ])
  for (const secret of [...credentials, MARK]) expect(output).not.toContain(secret)
  for (const { status, body } of replies) {
    for (const secret of credentials) expect(body).not.toContain(secret)
    if (status >= 400) expect(body).not.toContain(MARK)
  }
}, 60_000)
