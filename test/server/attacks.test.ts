import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import type { CapabilityKey } from '../../src/server/auth/capability-keys.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { fresh } from './asking.ts'
import { type RawReply, sendRaw } from './raw-socket.ts'

const SECURITY = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8')

/** Everybody may do everything there, as on a developer's machine. */
let open: LockServer
let guarded: LockServer
const shared = createCapabilityKey()
let publicPem: string
let publicKey: CapabilityKey

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true })
  publicPem = await exportSPKI(pair.publicKey)
  publicKey = { ...((await exportJWK(pair.publicKey)) as CapabilityKey), kid: 'public' }
})

// A fresh one for each attack: those that are counted must not be seen by the next.
beforeEach(async () => {
  open = await serve({ port: 0 })
  guarded = await serve({ port: 0, tokens: ['lk_one', 'lk_team:team'], capabilityKeys: [shared, publicKey] })
  return async () => {
    await open.close()
    await guarded.close()
  }
})

interface Asked {
  readonly to?: LockServer
  readonly method?: string
  readonly path?: string
  readonly host?: string | null
  readonly token?: string
  /** As they stand, without the line's end. */
  readonly headers?: readonly string[]
  readonly body?: unknown
  readonly type?: string
}

/** Asks over a socket of its own, with nothing in between that would mend what is sent. */
function ask(asked: Asked = {}): Promise<RawReply> {
  const { to = guarded, path = '/v1/acquire/doc', host = 'localhost', token, headers = [], body } = asked
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const { method = text === undefined ? 'GET' : 'POST', type = 'application/json' } = asked
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(host === null ? [] : [`Host: ${host}`]),
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...headers,
    ...(text === undefined ? [] : [`Content-Type: ${type}`]),
    ...(text === undefined || headers.some((header) => /^(content-length|transfer)/i.test(header))
      ? []
      : [`Content-Length: ${Buffer.byteLength(text)}`]),
    'Connection: close',
  ]
  return sendRaw(to, `${lines.join('\r\n')}\r\n\r\n${text ?? ''}`)
}

/** The status, and which problem it is where it is one of ours. */
async function outcome(reply: RawReply | Promise<RawReply>): Promise<string> {
  const { status, text } = await reply
  const [, problem] = /urn:lockable:problem:([\w-]+)/.exec(text) ?? []
  const [, response] = /"response":(true|false)/.exec(text) ?? []
  return [status, problem && `\`${problem}\``, response && `\`${response}\``].filter(Boolean).join(' ')
}

/** The outcome that all of these have. */
async function all(replies: readonly Promise<RawReply>[]): Promise<string> {
  return [...new Set(await Promise.all(replies.map(outcome)))].join(', ')
}

/** Node answers some of them before we see them, with no problem of ours. */
function statuses(replies: readonly RawReply[]): string {
  return [...new Set(replies.map(({ status }) => status))].join(', ')
}

const capability = (terms: object = {}) =>
  mintCapability({ key: shared, subject: 'mallory', locks: ['team/a'], rights: ['lock', 'inspect'], ...terms })

function claims(given: object = {}): object {
  const now = Math.floor(Date.now() / 1000)
  return { aud: 'lockable', sub: 'mallory', iat: now, exp: now + 300, locks: ['doc'], rights: ['lock'], ...given }
}

const base64url = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const secretOf = ({ k }: CapabilityKey) => Buffer.from(String(k), 'base64url')

const signed = (header: object, given: object = {}, key: Uint8Array = secretOf(shared)) =>
  new SignJWT({ ...claims(given) }).setProtectedHeader({ alg: 'HS256', ...header }).sign(key)

const owned = (more: object = {}) => ({ owner: fresh(), ...more })

interface Attack {
  readonly name: string
  /** What the table says of it. */
  readonly got: string
  readonly run: () => Promise<string>
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'An image of a foreign page, on an open server',
    got: '403 `forbidden`',
    run: () =>
      all(
        ['cross-site', 'same-site'].flatMap((site) =>
          ['acquire', 'release'].map((operation) =>
            ask({
              to: open,
              path: `/v1/${operation}/doc`,
              headers: [`Sec-Fetch-Site: ${site}`, 'Sec-Fetch-Dest: image'],
            }),
          ),
        ),
      ),
  },
  {
    name: 'A script of a foreign page, of a sandboxed frame, of another port',
    got: '403 `forbidden`',
    run: () =>
      all(
        ['https://evil.example', 'null', 'http://localhost:1'].flatMap((origin) => [
          ask({ to: open, headers: [`Origin: ${origin}`] }),
          ask({ to: open, headers: [`Origin: ${origin}`], body: owned() }),
          ask({ to: open, headers: [`Origin: ${origin}`, 'Access-Control-Request-Method: POST'], method: 'OPTIONS' }),
        ]),
      ),
  },
  {
    name: 'A form of a foreign page in a browser that says nothing of it',
    got: '415 `unsupported-media-type`',
    run: () =>
      all(
        ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'].map((type) =>
          ask({ to: open, type, body: JSON.stringify(owned()) }),
        ),
      ),
  },
  {
    name: 'A prefetch, a prerender',
    got: '403 `forbidden`',
    run: () =>
      all(
        ['Sec-Purpose: prefetch;prerender', 'Purpose: prefetch', 'X-Moz: prefetch'].map((header) =>
          ask({ to: open, headers: [header] }),
        ),
      ),
  },
  {
    name: 'A page whose own host name points at the server (DNS rebinding)',
    got: '403 `forbidden`',
    run: () =>
      all([
        ask({ to: open, host: 'evil.example' }),
        ask({ to: open, host: `evil.example:${open.port}`, headers: [`Origin: http://evil.example:${open.port}`] }),
        ask({ to: open, host: '127.0.0.1.evil.example' }),
        ask({ to: open, path: 'http://evil.example/v1/acquire/doc' }),
      ]),
  },
  {
    name: 'Cross-site reading with a token that leaked, from an origin that is not allowed',
    got: '403 `forbidden`',
    run: () => outcome(ask({ token: 'lk_one', headers: ['Origin: https://evil.example'] })),
  },
  {
    name: '`HEAD`, which must have no effect',
    got: '405',
    run: () => outcome(ask({ to: open, method: 'HEAD' })),
  },
  {
    name: 'Another method by a header',
    got: '200 `false`',
    run: async () => {
      await ask({ token: 'lk_one' })
      return outcome(
        ask({ token: 'lk_one', headers: ['X-HTTP-Method-Override: POST', 'X-Original-URL: /v1/release/doc'] }),
      )
    },
  },
  {
    name: 'No token',
    got: '401 `unauthenticated`',
    run: () =>
      all([
        ...['acquire/doc', 'heartbeat/doc', 'release/doc', 'status/doc', 'locks', 'watch?name=doc'].map((path) =>
          ask({ path: `/v1/${path}` }),
        ),
        ...['acquire', 'heartbeat', 'release', 'force-release'].map((path) =>
          ask({ path: `/v1/${path}/doc`, body: owned() }),
        ),
        ask({ path: '/v1/session/commands', body: { session: fresh(), open: {}, seq: 1, commands: [] } }),
      ]),
  },
  {
    name: 'A token that is not known, or nearly one that is',
    got: '401 `unauthenticated`',
    run: () => all(['lk_two', 'lk_on', 'lk_onee', 'LK_ONE', 'lk_one:', 'lk_team:team'].map((token) => ask({ token }))),
  },
  {
    name: 'Trying tokens, one after the other',
    got: '429 `too-many-requests`',
    run: async () => {
      for (let tried = 0; tried < 30; tried += 1) await ask({ token: `lk_${tried}` })
      return all([
        ask({ token: 'lk_30' }),
        ask({ token: 'lk_30', body: owned() }),
        ask({ token: 'lk_30', path: '/v1/heartbeat/doc' }),
      ])
    },
  },
  {
    name: 'Trying tokens, so that a holder behind the same address is refused',
    got: '200 `true`',
    run: async () => {
      const body = owned()
      const path = '/v1/acquire/beside'
      const acquired = [ask({ token: 'lk_one', path }), ask({ token: 'lk_one', body })]
      const before = await all(acquired)
      for (let tried = 0; tried < 40; tried += 1) await ask({ token: `lk_${tried}` })
      const after = await all([
        ask({ token: 'lk_one', path: '/v1/heartbeat/beside' }),
        ask({ token: 'lk_one', path: '/v1/release/beside' }),
        ask({ token: 'lk_one', path: '/v1/heartbeat/doc', body }),
        ask({ token: 'lk_one', path: '/v1/release/doc', body }),
      ])
      return [...new Set([before, after])].join(', ')
    },
  },
  {
    name: 'Hiding who tries, by `X-Forwarded-For`',
    got: '429 `too-many-requests`',
    run: async () => {
      for (let tried = 0; tried < 30; tried += 1) {
        await ask({ token: `lk_${tried}`, headers: [`X-Forwarded-For: 192.0.2.${tried}`] })
      }
      return outcome(ask({ token: 'lk_30', headers: ['X-Forwarded-For: 192.0.2.30'] }))
    },
  },
  {
    name: 'The lock of another namespace: releasing it with its owner, or as a classic one',
    got: '200 `false`, and it is held on',
    run: async () => {
      const body = owned()
      await ask({ token: 'lk_one', body })
      await ask({ token: 'lk_one', path: '/v1/acquire/classic' })
      const got = await all([
        ask({ token: 'lk_team', path: '/v1/release/doc', body }),
        ask({ token: 'lk_team', path: '/v1/heartbeat/doc', body }),
        ask({ token: 'lk_team', path: '/v1/release/classic' }),
      ])
      const after = await all([ask({ token: 'lk_one' }), ask({ token: 'lk_one', path: '/v1/acquire/classic' })])
      return after === '200 `false`' ? `${got}, and it is held on` : got
    },
  },
  {
    name: 'Commands for a session of another namespace',
    got: '409 `session-unknown`',
    run: async () => {
      const session = fresh()
      const commands = (token: string, seq: number) =>
        ask({ token, path: '/v1/session/commands', body: { session, open: {}, seq, commands: [] } })
      await commands('lk_one', 1)
      return outcome(commands('lk_team', 2))
    },
  },
  {
    name: 'The holder’s lock, by an owner that is guessed',
    got: '200 `false`, and it is held on',
    run: async () => {
      await ask({ token: 'lk_one', body: owned() })
      const got = await all(
        ['heartbeat', 'release'].map((path) => ask({ token: 'lk_one', path: `/v1/${path}/doc`, body: owned() })),
      )
      return (await outcome(ask({ token: 'lk_one' }))) === '200 `false`' ? `${got}, and it is held on` : got
    },
  },
  {
    name: 'Giving up owners without a token, so that tombstones of others are forgotten',
    got: '401 `unauthenticated`',
    run: () =>
      all(
        ['lk_two', undefined].map((token) => ask({ ...(token && { token }), path: '/v1/release/doc', body: owned() })),
      ),
  },
  {
    name: 'Ending a lease by force with a token that has no right to',
    got: '403 `forbidden`',
    run: async () =>
      all([
        ask({ token: 'lk_one', path: '/v1/force-release/doc', body: { now: true } }),
        ask({ token: await capability({ locks: ['doc'] }), body: owned({ steal: 'now' }) }),
      ]),
  },
  {
    name: 'A capability that ran out',
    got: '401 `unauthenticated`',
    run: async () => outcome(ask({ token: await capability({ locks: ['doc'], now: Date.now() - 361_000 }) })),
  },
  {
    name: 'A capability that is to live for a year',
    got: '401 `unauthenticated`',
    run: async () =>
      outcome(ask({ token: await signed({ kid: shared.kid }, { exp: Math.floor(Date.now() / 1000) + 31_536_000 }) })),
  },
  {
    name: 'A capability with `alg: none`',
    got: '401 `unauthenticated`',
    run: () =>
      all(
        ['none', 'None', 'NONE', ''].flatMap((alg) =>
          [shared.kid, 'public'].map((kid) => {
            const token = `${base64url({ alg, kid })}.${base64url(claims())}.`
            return ask({ headers: [`Authorization: Bearer ${token}`] })
          }),
        ),
      ),
  },
  {
    name: 'A capability signed by HS256 with the server’s public key as the secret',
    got: '401 `unauthenticated`',
    run: async () => {
      const secrets = [publicPem, publicPem.trim(), JSON.stringify(publicKey), String(publicKey.x)]
      const tokens = secrets.map((secret) => signed({ kid: 'public' }, {}, new TextEncoder().encode(secret.padEnd(32))))
      return all((await Promise.all(tokens)).map((token) => ask({ token })))
    },
  },
  {
    name: 'A capability that brings its own key (`jwk`, `jku`, `x5u`), or names one that is not there',
    got: '401 `unauthenticated`',
    run: async () => {
      const own = createCapabilityKey()
      const headers = [{ jwk: own }, { jku: 'https://evil.example/' }, { x5u: 'https://evil.example/' }]
      const kids = [own.kid, '../../dev/null', '', '__proto__', 7]
      const tokens = [
        ...headers.map((header) => signed({ kid: shared.kid, ...header }, {}, secretOf(own))),
        ...kids.map((kid) => signed({ kid }, {}, secretOf(own))),
        signed({}, {}, secretOf(own)),
      ]
      return all((await Promise.all(tokens)).map((token) => ask({ token })))
    },
  },
  {
    name: 'A capability whose claims were changed',
    got: '401 `unauthenticated`',
    run: async () => {
      const [header, , signature] = (await capability()).split('.')
      return outcome(ask({ token: `${header}.${base64url(claims({ locks: ['doc'] }))}.${signature}` }))
    },
  },
  {
    name: 'A JWT of another service, signed by the same key',
    got: '401 `unauthenticated`',
    run: async () => outcome(ask({ token: await signed({ kid: shared.kid }, { aud: 'api' }) })),
  },
  {
    name: 'A capability that gives itself `admin`',
    got: '401 `unauthenticated`',
    run: async () => outcome(ask({ token: await signed({ kid: shared.kid }, { rights: ['lock', 'admin'] }) })),
  },
  {
    name: 'Another name than the capability has: case, a look-alike, a longer or a shorter one, encoded twice',
    got: '403 `forbidden`',
    run: async () => {
      const token = await capability()
      const names = [
        'Team/a',
        't%D0%B5am/a',
        'team/a/',
        'team/a%20',
        'team/',
        'team//a',
        'team%252Fa',
        'team/a*',
        'team%5Ca',
      ]
      return all(
        names.flatMap((name) => [
          ask({ token, path: `/v1/acquire/${name}` }),
          ask({ token, path: `/v1/acquire/${name}`, body: owned() }),
        ]),
      )
    },
  },
  {
    name: 'Out of a name by `..`, `%2e%2e`, `..%2F`',
    got: '400 `bad-name`',
    run: async () => {
      const token = await capability()
      const names = [
        'team/a/../../doc',
        'team/%2e%2e/doc',
        'team/.%2E/doc',
        'team/..%2Fdoc',
        'team%2F..%2Fdoc',
        '.',
        '%2e',
      ]
      return all(names.map((name) => ask({ token, path: `/v1/acquire/${name}` })))
    },
  },
  {
    name: 'Bytes that end a name or are none: `%00`, `%0d%0a`, overlong UTF-8 (`%c0%af`), half a pair, `%`',
    got: '400 `bad-name`',
    run: async () => {
      const token = await capability({ prefixes: [''] })
      const names = ['team/a%00', '%0d%0aX:y', '%c0%af', '%ed%a0%80', '100%', '%zz', '%7f', '']
      return all(names.map((name) => ask({ token, path: `/v1/acquire/${name}` })))
    },
  },
  {
    name: 'Bytes in the request line that URLs do not have: a backslash, a tab, a letter beyond ASCII',
    got: '400',
    run: async () => {
      const token = await capability({ prefixes: [''] })
      const names = ['team\\a', 'x\\..\\doc', 'te\tam', 'té']
      const replies = await Promise.all(names.map((name) => ask({ token, path: `/v1/acquire/${name}` })))
      return statuses(replies)
    },
  },
  {
    name: 'A slash as `%2F`, which is the same name',
    got: '200 `true`, 200 `false`',
    run: async () => {
      const token = await capability()
      const first = await outcome(ask({ token, path: '/v1/acquire/team%2Fa' }))
      return `${first}, ${await outcome(ask({ token, path: '/v1/acquire/team/a' }))}`
    },
  },
  {
    name: 'A second request within the first (`Content-Length` with `Transfer-Encoding`, twice, or garbled)',
    got: '400, and no second reply',
    run: async () => {
      const smuggled = 'GET /v1/acquire/smuggled HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer lk_one\r\n\r\n'
      const body = `0\r\n\r\n${smuggled}`
      const framings = [
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        ['Transfer-Encoding: chunked', 'Content-Length: 5'],
        ['Content-Length: 5', 'Content-Length: 6'],
        ['Content-Length: 5', 'Content-Length: 5'],
        ['Content-Length: +5'],
        ['Content-Length: 5, 6'],
        ['Transfer-Encoding: xchunked'],
        ['Transfer-Encoding: chunked, identity'],
        ['Transfer-Encoding : chunked'],
        ['Transfer-Encoding:\x0bchunked'],
      ]
      const replies = await Promise.all(framings.map((headers) => ask({ token: 'lk_one', headers, body })))
      const isAlone = replies.every(({ statuses }) => statuses.length === 1)
      const isFree = (await ask({ token: 'lk_one', path: '/v1/status/smuggled' })).text.includes('"free"')
      return `${await all(replies.map(async (reply) => reply))}${isAlone && isFree ? ', and no second reply' : ''}`
    },
  },
  {
    name: 'Two `Host` headers, so that a proxy goes by the other one',
    got: '400 `bad-request`',
    run: () =>
      all([
        ask({ token: 'lk_one', headers: ['Host: evil.example'] }),
        ask({ to: open, host: 'evil.example', headers: ['Host: localhost'] }),
        ask({ to: open, headers: [...Array.from({ length: 2_500 }, () => 'X: y'), 'Host: evil.example'] }),
      ]),
  },
  {
    name: 'A header over two lines, a space before its colon, lines that end in LF only',
    got: '400',
    run: () =>
      all([
        ask({ token: 'lk_one', headers: ['X-Folded: a', ' b'] }),
        ask({ headers: ['Authorization: Bearer', '\tlk_one'] }),
        ask({ headers: ['Authorization : Bearer lk_one'] }),
        ask({ host: null, token: 'lk_one' }),
        sendRaw(guarded, 'GET /v1/acquire/doc HTTP/1.1\nHost: localhost\nAuthorization: Bearer lk_one\n\n'),
      ]),
  },
  {
    name: 'Two `Authorization` headers',
    got: '401 `unauthenticated`',
    run: () => outcome(ask({ token: 'lk_two', headers: ['Authorization: Bearer lk_one'] })),
  },
  {
    name: 'Headers of 20 KB',
    got: '431',
    run: () => all([ask({ headers: [`X-Large: ${'x'.repeat(20_000)}`] }), ask({ token: 'x'.repeat(20_000) })]),
  },
  {
    name: 'An address of 3,000 characters',
    got: '414 `uri-too-long`',
    run: () =>
      all([ask({ path: `/v1/acquire/${'x'.repeat(3_000)}` }), ask({ path: `/v1/acquire/doc?${'x'.repeat(3_000)}` })]),
  },
  {
    name: 'A body of 1 MB, told or in chunks',
    got: '413 `body-too-large`',
    run: () => {
      const body = JSON.stringify(owned({ info: 'x'.repeat(1_000_000) }))
      const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      return all([
        ask({ token: 'lk_one', body }),
        ask({ token: 'lk_one', body: chunked, headers: ['Transfer-Encoding: chunked'] }),
        ask({ token: 'lk_one', path: '/v1/session/commands', body }),
      ])
    },
  },
  {
    name: 'A body nested 5,000 deep, and one with `__proto__`',
    got: '400 `bad-request`',
    run: () =>
      all([
        ask({ token: 'lk_one', body: `{"owner":"a","info":${'['.repeat(5_000)}${']'.repeat(5_000)}}` }),
        ask({ token: 'lk_one', body: '{"__proto__":{"owner":"abc"}}' }),
      ]),
  },
]

describe('an attack gets what docs/security.md says:', () => {
  it.each(ATTACKS)('$name', async ({ got, run }) => {
    expect(await run()).toBe(got)
    // The servers are as well as before.
    expect(await outcome(ask({ to: open, path: '/v1/acquire/well', body: owned() }))).toBe('200 `true`')
    const token = await capability({ locks: ['well'] })
    expect(await outcome(ask({ token, path: '/v1/acquire/well', body: owned() }))).toBe('200 `true`')
  })

  it('stands in its table as it is here', () => {
    const table = SECURITY.split('| what was tried | what it got |')[1]?.split('\n\n')[0] ?? ''
    const rows = table
      .split('\n')
      .slice(2)
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    expect(rows).toEqual(ATTACKS.map(({ name, got }) => [name, got]))
  })
})
