import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { type CapabilityTerms, createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import type { CapabilityKey } from '../../src/server/auth/capability-keys.ts'
import { createHandler } from '../../src/server/handler.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { type Answer, asking, fresh, kindOf } from './asking.ts'

const KEY = createCapabilityKey()

function bench(options: HandlerOptions = {}) {
  const clock = new VirtualClock()
  const ask = asking(createHandler({ clock, capabilityKeys: [KEY], ...options }))
  const mint = (terms: Partial<CapabilityTerms> = {}) =>
    mintCapability({ key: KEY, subject: 'alice', locks: ['doc'], now: clock.wall(), ...terms })
  const acquire = (token: string, name: string = 'doc', body: object = {}): Promise<Answer> =>
    ask(`/v1/acquire/${name}`, { token, body: { owner: fresh(), ...body } })
  return { clock, ask, mint, acquire }
}

/** What `mintCapability` would not sign. */
async function forge(clock: VirtualClock, claims: object, key: CapabilityKey = KEY): Promise<string> {
  const now = Math.floor(clock.wall() / 1000)
  const all = { aud: 'lockable', sub: 'alice', iat: now, exp: now + 300, locks: ['doc'], rights: ['lock'], ...claims }
  return new SignJWT(all)
    .setProtectedHeader({ alg: 'HS256', kid: String(key.kid) })
    .sign(Buffer.from(String(key.k), 'base64url'))
}

test('a capability locks the names that it has, and no others', async () => {
  const { mint, acquire } = bench()
  const capability = await mint({ prefixes: ['draft/'] })
  expect((await acquire(capability)).json).toMatchObject({ response: true })
  expect((await acquire(capability, 'draft/1')).json).toMatchObject({ response: true })
  for (const name of ['doc2', 'do', 'Doc', 'draft', 'x/draft/1']) {
    const refused = await acquire(capability, name)
    expect([name, kindOf(refused)]).toEqual([name, 'forbidden'])
    expect(refused.json.detail).toContain(JSON.stringify(name))
  }
})

test('it is accepted as Basic too, as clients send it', async () => {
  const { mint, ask } = bench()
  const Authorization = `Basic ${Buffer.from(`${await mint()}:`).toString('base64')}`
  expect((await ask('/v1/status/doc', { headers: { Authorization } })).json).toMatchObject({ state: 'free' })
})

test('it gives the rights that it names, for its names: who may not look is not told who holds', async () => {
  const { mint, ask, acquire } = bench()
  const [both, looker, locker] = await Promise.all([
    mint(),
    mint({ rights: ['inspect'] }),
    mint({ rights: ['lock'], subject: 'bob' }),
  ])
  expect(kindOf(await acquire(looker))).toBe('forbidden')
  await acquire(both, 'doc', { info: 'Alice' })
  expect((await ask('/v1/status/doc', { token: looker })).json.holders).toMatchObject([{ info: 'Alice' }])
  expect((await acquire(both)).json.holders).toMatchObject([{ info: 'Alice' }])
  expect((await acquire(locker)).json).toEqual({ v: 2, response: false, owner: expect.anything(), reason: 'held' })
  expect(kindOf(await ask('/v1/status/doc', { token: locker }))).toBe('forbidden')
  expect(kindOf(await acquire(both, 'doc', { steal: 'safe' }))).toBe('forbidden')
  const thief = await mint({ rights: ['lock', 'steal'] })
  expect((await acquire(thief, 'doc', { steal: 'now' })).json).toMatchObject({ response: true })
})

test('each command of a session is checked, and what is wrong with one does not stop the others', async () => {
  const { mint, ask } = bench()
  const commands = [
    { op: 'acquire', name: 'doc', owner: fresh() },
    { op: 'acquire', name: 'other', owner: fresh() },
    { op: 'acquire', name: 'doc', owner: fresh(), steal: 'now' },
    { op: 'query', prefix: '' },
    { op: 'release', name: 'other', owner: fresh() },
    { op: 'sync' },
  ]
  const { json } = await ask('/v1/session/commands', {
    token: await mint(),
    body: { session: fresh(), open: {}, seq: 1, commands },
  })
  expect(json.results.map((result: { problem?: object }) => kindOf({ status: 200, json: result.problem }))).toEqual([
    200,
    'forbidden',
    'forbidden',
    'forbidden',
    200,
    200,
  ])
  expect(json.results[1].problem.detail).toContain('"other"')
  expect(json.results[3].problem.detail).toContain('inspect')
})

test('a query needs the whole of its prefix', async () => {
  const { mint, ask } = bench()
  const token = await mint({ prefixes: ['draft/'] })
  const query = async (prefix: string) => {
    const body = { session: fresh(), open: {}, seq: 1, commands: [{ op: 'query', prefix }] }
    return (await ask('/v1/session/commands', { token, body })).json.results[0]
  }
  expect(await query('draft/1')).toMatchObject({ locks: [] })
  expect((await query('draft')).problem.status).toBe(403)
})

test('the lease is cut down to what it allows, that of heartbeats and sessions too', async () => {
  const { mint, ask, acquire } = bench()
  const token = await mint({ maxLeaseMs: 5_000 })
  const owner = fresh()
  expect((await acquire(token, 'doc', { owner, lease_ms: 60_000 })).json.lease_ms).toBe(5_000)
  const beat = await ask('/v1/heartbeat/doc', { token, body: { owner, lease_ms: 60_000 } })
  expect(beat.json.expires_in_ms).toBe(5_000)
  const body = { session: fresh(), open: { lease_ms: 60_000 }, seq: 1, commands: [] }
  expect((await ask('/v1/session/commands', { token, body })).json.lease_ms).toBe(5_000)
  // A capability that says nothing of leases does not get the server's longest.
  expect((await acquire(await mint({ locks: ['b'] }), 'b', { lease_ms: 3_600_000 })).json.lease_ms).toBe(60_000)
})

test('a classic lease that would be shorter than classic clients assume is refused', async () => {
  const { mint, ask } = bench()
  expect((await ask('/v1/acquire/doc', { token: await mint() })).json).toEqual({ response: true })
  for (const terms of [{ maxLeaseMs: 59_999 }, { maxHoldMs: 59_999 }]) {
    const refused = await ask('/v1/acquire/doc', { token: await mint(terms) })
    expect([kindOf(refused), refused.json.detail]).toEqual(['forbidden', expect.stringContaining('59999')])
  }
})

test('however often it is renewed, a lock is held no longer than it allows', async () => {
  const { clock, mint, ask, acquire } = bench()
  const token = await mint({ maxHoldMs: 20_000 })
  const owner = fresh()
  await acquire(token, 'doc', { owner, lease_ms: 15_000 })
  clock.advance(10_000)
  const renewed = await ask('/v1/heartbeat/doc', { token, body: { owner } })
  expect(renewed.json).toMatchObject({ response: true, expires_in_ms: 10_000, ending: 'revoked' })
  clock.advance(10_000)
  expect((await ask('/v1/heartbeat/doc', { token, body: { owner } })).json).toMatchObject({ response: false })
})

test('a lock is kept and given back after the capability ran out, and nothing new is granted', async () => {
  const { clock, mint, ask, acquire } = bench()
  const token = await mint({ expiresInMs: 60_000 })
  const owner = fresh()
  await acquire(token, 'doc', { owner })
  for (let elapsed = 0; elapsed < 180_000; elapsed += 30_000) {
    clock.advance(30_000)
    expect((await ask('/v1/heartbeat/doc', { token, body: { owner } })).json).toMatchObject({ response: true })
  }
  const refused = await acquire(token)
  expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining('ran out')])
  expect(kindOf(await ask('/v1/heartbeat/doc', { token }))).toBe('unauthenticated')
  expect((await ask('/v1/release/doc', { token, body: { owner } })).json).toEqual({ v: 2, response: true })
  expect((await acquire(await mint({ locks: ['doc'] }))).json).toMatchObject({ response: true })
})

test('with credentials that ran out, owners that never were push out no tombstones', async () => {
  const { clock, ask, mint, acquire } = bench({ limits: { tombstones: 10 } })
  const [old, session] = [await mint({ subject: 'mallory', expiresInMs: 60_000 }), fresh()]
  const commands = (token: string, seq: number, ...asked: object[]) =>
    ask('/v1/session/commands', { token, body: { session, seq, commands: asked, ...(seq === 1 && { open: {} }) } })
  await commands(old, 1)
  for (let elapsed = 0; elapsed < 200_000; elapsed += 50_000) {
    clock.advance(50_000)
    await ask('/v1/session/heartbeat', { body: { session } })
  }
  const [token, owner] = [await mint(), fresh()]
  await ask('/v1/release/doc', { token, body: { owner } })
  for (let made = 0; made < 10; made += 1) {
    const unknown = { response: false, reason: 'unknown' }
    expect((await ask('/v1/release/doc', { token: old, body: { owner: fresh() } })).json).toMatchObject(unknown)
    const invented = fresh()
    const { json } = await commands(old, 2 + made, { op: 'release', name: 'doc', owner: invented })
    expect(json.results).toEqual([{ v: 2, owner: invented, ...unknown }])
  }
  expect(kindOf(await acquire(token, 'doc', { owner }))).toBe('owner-spent')
  // Good ones give up for what is still on its way; there the oldest goes.
  for (let made = 0; made < 10; made += 1) await ask('/v1/release/doc', { token, body: { owner: fresh() } })
  expect((await acquire(token, 'doc', { owner })).status).toBe(200)
})

test('with a capability that ran out, a session is left and kept, and nothing new is asked for', async () => {
  const { clock, ask, mint } = bench()
  const [token, session] = [await mint({ prefixes: [''], expiresInMs: 60_000 }), fresh()]
  const [held, kept, waiting] = [fresh(), fresh(), fresh()]
  let seq = 0
  const commands = (asked: object[], more: object = { open: {} }) => {
    seq += 1
    return ask('/v1/session/commands', { token, body: { session, seq, commands: asked, ...more } })
  }
  await commands([
    { op: 'acquire', name: 'a', owner: held },
    { op: 'acquire', name: 'b', owner: kept },
  ])
  const blocker = fresh()
  await ask('/v1/acquire/c', { token, body: { owner: blocker, lease_ms: 60_000 } })
  await commands([{ op: 'acquire', name: 'c', owner: waiting }])
  clock.setWall(clock.wall() + 200_000)
  await ask('/v1/release/c', { token, body: { owner: blocker } })
  for (const op of ['acquire', 'query']) {
    const refused = await commands([
      { op: 'release', name: 'a', owner: held },
      { op, name: 'd', owner: fresh() },
    ])
    expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining('ran out')])
    expect(refused.headers.get('WWW-Authenticate')).toContain('Bearer')
  }
  const left = await commands([{ op: 'release', name: 'a', owner: held }, { op: 'sync' }], { confirm: [waiting] })
  expect(left.json).toMatchObject({ confirmed: [waiting] })
  expect(left.json.results).toMatchObject([
    { response: true, owner: held },
    { holds: [{ owner: kept }, { owner: waiting }] },
  ])
  // A client that has no reply yet asks to open it again.
  expect((await commands([{ op: 'release', name: 'b', owner: kept }])).json.results).toMatchObject([{ response: true }])
  const unopened = { session: fresh(), open: {}, seq: 1, commands: [] }
  expect(kindOf(await ask('/v1/session/commands', { token, body: unopened }))).toBe('unauthenticated')
})

test('commands need credentials that are or were good, whoever knows the session', async () => {
  const { ask, mint } = bench()
  const session = fresh()
  const commands = (token?: string) =>
    ask('/v1/session/commands', { ...(token && { token }), body: { session, open: {}, seq: 1, commands: [] } })
  expect((await commands(await mint())).status).toBe(200)
  expect(kindOf(await commands())).toBe('unauthenticated')
  expect(kindOf(await commands('lk_unknown'))).toBe('unauthenticated')
})

test('a key for some namespaces mints for no other', async () => {
  const key = createCapabilityKey(['team', ''])
  const { clock, mint, acquire } = bench({ capabilityKeys: [key] })
  for (const namespace of ['team', '']) expect((await acquire(await mint({ key, namespace }))).status).toBe(200)
  await expect(mint({ key, namespace: 'other' })).rejects.toThrow('"other"')
  const refused = await acquire(await forge(clock, { ns: 'other' }, key))
  expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining('namespace')])
  // Unbound, it is for all.
  const { namespaces: _, ...unbound } = key
  const other = bench({ capabilityKeys: [unbound] })
  expect((await other.acquire(await other.mint({ key: unbound, namespace: 'other' }))).status).toBe(200)
})

test('nobody gives up for others without credentials that are or were good', async () => {
  const { ask, clock } = bench()
  const forged = await forge(clock, {}, { ...KEY, k: Buffer.alloc(32, 7).toString('base64url') })
  for (const question of [{}, { token: 'lk_unknown' }, { token: forged }]) {
    for (const operation of ['heartbeat', 'release']) {
      expect(kindOf(await ask(`/v1/${operation}/doc`, { ...question, body: { owner: fresh() } }))).toBe(
        'unauthenticated',
      )
    }
  }
})

test('locks live in the namespace of the capability', async () => {
  const { mint, acquire } = bench({ tokens: ['lk_plain', 'lk_team:team'] })
  expect((await acquire(await mint({ namespace: 'team' }))).json).toMatchObject({ response: true })
  expect((await acquire('lk_plain')).json).toMatchObject({ response: true })
  expect((await acquire('lk_team')).json).toMatchObject({ response: false, reason: 'held' })
})

test('one subject may hold and wait for so many, with all its capabilities together', async () => {
  const { mint, acquire } = bench()
  const terms = { prefixes: ['d'], maxLocks: 2, maxWaiters: 0 }
  expect((await acquire(await mint(terms), 'd1')).status).toBe(200)
  expect((await acquire(await mint(terms), 'd2')).status).toBe(200)
  expect(kindOf(await acquire(await mint(terms), 'd3'))).toBe('too-many-requests')
  expect((await acquire(await mint({ ...terms, subject: 'bob' }), 'd3')).status).toBe(200)
  expect(kindOf(await acquire(await mint({ ...terms, subject: 'bob' }), 'd1', { wait_ms: 1 }))).toBe(
    'too-many-requests',
  )
})

test.each([
  ['ran out', { iat: -300, exp: -61 }, 'ran out 61 s ago'],
  ['from the future', { iat: 61, exp: 300 }, 'begins in 61 s'],
  ['not yet good', { nbf: 61 }, 'begins in 61 s'],
  ['for a year', { exp: 365 * 86_400 }, 'at most a day'],
])('a capability that is %s is refused', async (_, times, why) => {
  const { clock, acquire } = bench()
  const now = Math.floor(clock.wall() / 1000)
  const claims = Object.fromEntries(Object.entries(times).map(([name, seconds]) => [name, now + seconds]))
  const refused = await acquire(await forge(clock, claims))
  expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining(why)])
})

test('clocks may differ by less than a minute', async () => {
  const { clock, acquire } = bench()
  const now = Math.floor(clock.wall() / 1000)
  expect((await acquire(await forge(clock, { iat: now - 300, exp: now - 59 }))).status).toBe(200)
  const early = await forge(clock, { iat: now + 59, exp: now + 300, locks: ['doc'] })
  expect((await acquire(early)).json).toMatchObject({ response: false, reason: 'held' })
})

test.each([
  ['aud', { aud: 'other' }],
  ['aud', { aud: undefined }],
  ['sub', { sub: undefined }],
  ['sub', { sub: '' }],
  ['iat', { iat: undefined }],
  ['exp', { exp: undefined }],
  ['exp', { exp: 'never' }],
  ['locks', { locks: '*' }],
  ['prefixes', { prefixes: [1] }],
  ['rights', { rights: [] }],
  ['rights', { rights: ['admin'] }],
  ['rights', { rights: undefined }],
  ['ns', { ns: 'a\nb' }],
  ['max_lease_ms', { max_lease_ms: 0 }],
  ['max_hold_ms', { max_hold_ms: '1s' }],
  ['max_locks', { max_locks: -1 }],
])('a capability with a wrong claim (%s: %j) is refused, and told which', async (claim, claims) => {
  const { clock, acquire } = bench()
  const refused = await acquire(await forge(clock, claims))
  expect([kindOf(refused), refused.json.detail]).toEqual(['unauthenticated', expect.stringContaining(claim)])
})

test('a key is good for its own algorithm only', async () => {
  const { clock, acquire } = bench()
  const now = Math.floor(clock.wall() / 1000)
  const claims = { aud: 'lockable', sub: 'alice', iat: now, exp: now + 300, locks: ['doc'], rights: ['lock'] }
  const long = { ...KEY, k: Buffer.alloc(64, 7).toString('base64url') }
  const other = asking(createHandler({ clock, capabilityKeys: [long] }))
  const sign = (alg: string) =>
    new SignJWT(claims).setProtectedHeader({ alg, kid: String(KEY.kid) }).sign(Buffer.alloc(64, 7))
  const ask = async (alg: string) =>
    kindOf(await other('/v1/acquire/doc', { token: await sign(alg), body: { owner: fresh() } }))
  expect(await ask('HS256')).toBe(200)
  expect(await ask('HS512')).toBe('unauthenticated')
  expect(kindOf(await acquire(await sign('HS256')))).toBe('unauthenticated')
})

test('several audiences are fine if this is one of them', async () => {
  const { clock, acquire } = bench()
  expect((await acquire(await forge(clock, { aud: ['other', 'lockable'] }))).status).toBe(200)
})

test.each(['ES256', 'EdDSA'])('with %s the server has the public key only', async (algorithm) => {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const [open, secret] = [await exportJWK(publicKey), await exportJWK(privateKey)] as CapabilityKey[]
  if (open === undefined || secret === undefined) throw new Error('No keys.')
  const { mint, acquire } = bench({ capabilityKeys: [KEY, { ...open, kid: 'b' }] })
  expect((await acquire(await mint({ key: { ...secret, kid: 'b' } }))).json).toMatchObject({ response: true })
  expect((await acquire(await mint())).json).toMatchObject({ response: false })
  expect(kindOf(await acquire(await mint({ key: { ...secret, kid: String(KEY.kid) } })))).toBe('unauthenticated')
  expect(kindOf(await acquire(await mint({ key: secret })))).toBe('unauthenticated')
  expect(() => createHandler({ capabilityKeys: [secret] })).toThrow('private part')
  await expect(mint({ key: open })).rejects.toThrow('private part')
})

test.each<[string, unknown[]]>([
  ['empty list', []],
  ['32 random ones or more', [{ kty: 'oct', k: Buffer.alloc(31).toString('base64url') }]],
  ['0 bytes', [{ kty: 'oct' }]],
  ['kty "RSA"', [{ kty: 'RSA', n: 'x', e: 'AQAB' }]],
  ['crv "P-384"', [{ kty: 'EC', crv: 'P-384' }]],
  ['"HS256"', [{ ...KEY, alg: 'HS512' }]],
  ['needs a kid', [KEY, { ...KEY, kid: undefined }]],
  ['needs a kid', [KEY, KEY]],
  ['namespaces', [{ ...KEY, namespaces: 'team' }]],
  ['namespaces', [{ ...KEY, namespaces: [] }]],
  ['JSON Web Key', ['secret']],
  ['JSON Web Key', [null]],
])('keys that cannot be used are refused (%s), and not shown', (why, capabilityKeys) => {
  const create = () => createHandler({ capabilityKeys: capabilityKeys as CapabilityKey[] })
  expect(create).toThrow(why)
  expect(create).toThrow(expect.not.objectContaining({ message: expect.stringContaining(String(KEY.k)) }))
})

test.each<[string, Partial<CapabilityTerms>]>([
  ['allows nothing', { locks: [] }],
  ['locks: ', { locks: ['a/../b'] }],
  ['prefixes', { prefixes: [1 as unknown as string] }],
  ['rights', { rights: ['admin' as 'lock'] }],
  ['rights', { rights: [] }],
  ['subject', { subject: '' }],
  ['expiresInMs', { expiresInMs: 86_400_001 }],
  ['expiresInMs', { expiresInMs: Number.NaN }],
  ['max_lease_ms', { maxLeaseMs: 1.5 }],
])('what cannot be minted is refused (%s)', async (why, terms) => {
  const minted = bench().mint(terms)
  await expect(minted).rejects.toThrow(TypeError)
  await expect(minted).rejects.toThrow(why)
})
