import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createCapabilityKey } from '../../src/server/auth/capability.ts'
import { type ServeOptions, serve } from '../../src/server/node.ts'

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8')
/** Made for this test, with a key that everybody can read. */
const TLS = { cert: fixture('cert.pem'), key: fixture('key.pem') }
const BEYOND = { port: 0, host: '0.0.0.0' }
const SOURCE = { read: () => [], watch: () => () => undefined }

test.each<ServeOptions>([{}, { tls: TLS }, { behindProxy: true }])(
  'beyond loopback nobody can start an open server by mistake (%#)',
  async (options) => {
    await expect(serve({ ...BEYOND, ...options })).rejects.toThrow('--capability-key')
  },
)

test.each<ServeOptions>([{ tokens: ['lk_one'] }, { tokenSource: SOURCE }, { capabilityKeys: [createCapabilityKey()] }])(
  'beyond loopback tokens need TLS, or a proxy that ends it (%#)',
  async (options) => {
    await expect(serve({ ...BEYOND, ...options })).rejects.toThrow('--behind-proxy')
    for (const way of [{ tls: TLS }, { behindProxy: true }, { insecure: true }]) {
      await (await serve({ ...BEYOND, ...options, ...way })).close()
    }
  },
)

test('on loopback nothing is asked for', async () => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost']) await (await serve({ port: 0, host })).close()
})

/** What a server answers over TLS. */
function ask(url: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { Authorization: 'Bearer lk_one', ...(body && { 'Content-Type': 'application/json' }) }
  const options = { ca: TLS.cert, method: body === undefined ? 'GET' : 'POST', headers }
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, (incoming) => {
      let text = ''
      incoming.on('data', (data) => {
        text += data
      })
      incoming.on('end', () => resolve(JSON.parse(text)))
    })
    outgoing.on('error', reject)
    outgoing.end(body && JSON.stringify(body))
  })
}

test('with a certificate it speaks HTTPS, and says so', async () => {
  const server = await serve({ port: 0, tls: TLS, tokens: ['lk_one'] })
  expect(server.url).toBe(`https://127.0.0.1:${server.port}`)
  expect(await ask(`${server.url}/v1/status/k`)).toMatchObject({ state: 'free' })
  await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow()
  await server.close()
})

test('closing over TLS answers a request that waits', async () => {
  const server = await serve({ port: 0, tls: TLS })
  const acquire = (owner: string) => ask(`${server.url}/v1/acquire/k`, { owner, wait_ms: 30_000 })
  expect(await acquire('holder')).toMatchObject({ response: true })
  const waiting = acquire('waiter')
  await expect.poll(async () => (await ask(`${server.url}/v1/status/k`)).waiters).toBe(1)
  await server.close()
  expect(await waiting).toMatchObject({ response: false, reason: 'shutdown' })
})

test('a certificate that cannot be used is an error that says so, and shows no key', async () => {
  const wrong = serve({ port: 0, tls: { cert: TLS.cert, key: 'SECRET' } })
  await expect(wrong).rejects.toThrow('--tls-key')
  await expect(wrong).rejects.toThrow(expect.not.objectContaining({ message: expect.stringContaining('SECRET') }))
})
