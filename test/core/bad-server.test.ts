import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  InvalidArgumentError,
  Lockable,
  NetworkError,
  ProtocolError,
  ServerError,
  tryAcquire,
} from '../../src/index.ts'
import { serve } from '../../src/server/node.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** A real server that answers as `listener` says. */
async function bad(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function client(url: string, options: object = {}): Lockable {
  const made = new Lockable({ url, worker: 'off', ...options })
  cleanups.push(() => made.close())
  return made
}

/** Both ways to ask, and what each of them rejects with. */
async function refusals(url: string): Promise<unknown[]> {
  return Promise.all([
    client(url)
      .acquire('a')
      .catch((error: unknown) => error),
    tryAcquire('a', { url }).catch((error: unknown) => error),
  ])
}

describe('a server that answers', () => {
  it('HTML is no lock server', async () => {
    const url = await bad((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><p>Hi'))
    for (const error of await refusals(url)) {
      expect(error).toBeInstanceOf(ProtocolError)
      expect(String(error)).toMatch(/Not a lock server: 200 text\/html "<!doctype html><p>Hi".*Check the url/)
    }
  })

  it('garbage JSON is no lock server', async () => {
    const url = await bad((_, response) =>
      response.setHeader('content-type', 'application/json').end('{"response": tru'),
    )
    for (const error of await refusals(url)) expect(error).toBeInstanceOf(ProtocolError)
  })

  it('JSON without an answer is no lock server', async () => {
    const url = await bad((_, response) =>
      response.setHeader('content-type', 'application/json').end('{"response":"yes"}'),
    )
    for (const error of await refusals(url)) expect(error).toBeInstanceOf(ProtocolError)
  })

  it('a grant without its numbers is not believed', async () => {
    const url = await bad((_, response) => response.end('{"v":2,"epoch":"60s","results":[]}'))
    await expect(client(url).acquire('a')).rejects.toThrow(/epoch = "60s", not a number of ms/)
  })

  it('500 is told with its status, after a few attempts', async () => {
    let requests = 0
    const url = await bad((_, response) => {
      requests += 1
      response.writeHead(500).end('oops')
    })
    const [acquired, tried] = await refusals(url)
    expect(acquired).toBeInstanceOf(ServerError)
    expect(acquired).toMatchObject({ status: 500 })
    expect(tried).toBeInstanceOf(ServerError)
    expect(requests).toBeGreaterThanOrEqual(4)
  })

  it('404 to everything is no lock server', async () => {
    const url = await bad((_, response) => response.writeHead(404).end('nothing here'))
    for (const error of await refusals(url)) {
      expect(error).toBeInstanceOf(ProtocolError)
      expect(error).toMatchObject({ status: 404 })
    }
  })

  it('a redirect is not followed, since a redirected POST becomes a GET', async () => {
    const url = await bad((_, response) => response.writeHead(301, { location: 'http://127.0.0.1:9/' }).end())
    for (const error of await refusals(url)) expect(error).toBeInstanceOf(NetworkError)
  })
})

describe('a server that does not answer', () => {
  it('because there is none is told with the address and the reason', async () => {
    for (const error of await refusals('http://127.0.0.1:9')) {
      expect(error).toBeInstanceOf(NetworkError)
      expect(String(error)).toMatch(/No answer to .*127\.0\.0\.1:9.*Is the lock server running there/)
    }
  })

  it('because it hangs up is told', async () => {
    const url = await bad((request) => request.socket.destroy())
    for (const error of await refusals(url)) expect(error).toBeInstanceOf(NetworkError)
  })

  it('does not hold up a timeout or a signal', async () => {
    const url = await bad(() => {})
    await expect(client(url).acquire('a', { timeout: 50 })).rejects.toMatchObject({ code: 'timeout' })
    await expect(client(url).acquire('a', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    await expect(tryAcquire('a', { url, signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
  })

  it('in time for a body that never ends', async () => {
    const url = await bad((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"response"')
    })
    await expect(client(url).acquire('a', { timeout: 50 })).rejects.toMatchObject({ code: 'timeout' })
  })
})

describe('a real server with tokens', () => {
  async function secured() {
    const server = await serve({ port: 0, tokens: ['right-token-of-this-test'] })
    cleanups.push(() => server.close())
    return server.url
  }

  it('refuses a wrong one, and none', async () => {
    const url = await secured()
    for (const authToken of ['wrong-token-of-this-test', undefined]) {
      const options = authToken === undefined ? {} : { authToken }
      const error = await client(url, options)
        .acquire('a')
        .catch((refused: unknown) => refused)
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error).toMatchObject({ status: 401 })
      expect(String(error)).not.toContain('wrong-token-of-this-test')
      await expect(tryAcquire('a', { url, ...options })).rejects.toBeInstanceOf(AuthenticationError)
    }
  })

  it('takes the right one, also from a function, which is asked again when it was refused', async () => {
    const url = await secured()
    expect((await client(url, { authToken: 'right-token-of-this-test' }).acquire('a')).state).toBe('held')
    const tokens = ['old-token-of-this-test', 'right-token-of-this-test']
    let asked = 0
    const refreshing = client(url, {
      authToken: () => {
        asked += 1
        return tokens.shift() ?? 'too-often'
      },
    })
    const leases = await Promise.all(['b', 'c', 'd'].map((name) => refreshing.acquire(name)))
    expect(leases.map(({ state }) => state)).toEqual(['held', 'held', 'held'])
    expect(asked).toBe(2)
  })

  it('is not asked when the token cannot be had', async () => {
    const url = await secured()
    const failing = client(url, { authToken: () => Promise.reject(new Error('the backend is down')) })
    await expect(failing.acquire('a')).rejects.toThrow(/authToken\(\) failed.*the backend is down/)
    await expect(client(url, { authToken: () => '' }).acquire('a')).rejects.toBeInstanceOf(InvalidArgumentError)
  })

  it('says what is wrong with a lease that it does not give', async () => {
    const url = await secured()
    const asking = client(url, { authToken: 'right-token-of-this-test', leaseDuration: 999 })
    await expect(asking.acquire('a')).rejects.toThrow(/999/)
    await expect(asking.acquire('a')).rejects.toBeInstanceOf(InvalidArgumentError)
  })
})
