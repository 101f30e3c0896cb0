import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Lockable } from '../../src/index.ts'
import { type LockServer, serve } from '../../src/server/node.ts'
import { createLockStore, initialState, lockOf, lockStore } from '../../src/store/index.ts'

let server: LockServer
const clients: Lockable[] = []

beforeAll(async () => {
  server = await serve({ port: 0, closeTimeoutMs: 100 })
})
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())))
afterAll(() => server.close())

function makeClient(): Lockable {
  const client = new Lockable({ url: server.url, worker: 'off' })
  clients.push(client)
  return client
}

describe('createLockStore', () => {
  it('begins with what the client went through before', async () => {
    const client = makeClient()
    const lock = client.lock('before')
    const lease = await lock.acquire()
    const { locks, connection } = createLockStore(client).getState()
    expect(locks[lock.id]).toMatchObject({ phase: 'held', lease: lease.id, fencingToken: lease.fencingToken })
    expect(connection).toMatchObject({ dialect: 'owned', thread: 'page' })
  })

  it('is empty at first for who renders on a server, whatever the client holds', async () => {
    const client = makeClient()
    await client.acquire('rendered-on-a-server')
    expect(createLockStore(client).getInitialState()).toBe(initialState)
  })

  it('follows the client, and tells when something changed', async () => {
    const client = makeClient()
    const store = createLockStore(client)
    const lock = client.lock('followed')
    const phases: (string | undefined)[] = []
    store.subscribe((state) => phases.push(lockOf(state, lock.id)?.phase))
    const lease = await lock.acquire()
    await lease.release()
    expect([...new Set(phases)]).toEqual(['acquiring', 'held', undefined])
  })

  it('does not tell of events that change nothing', async () => {
    const client = makeClient()
    const store = createLockStore(client)
    const listener = vi.fn()
    const events: string[] = []
    client.subscribe(({ type }) => events.push(type))
    const lease = await client.acquire('silent')
    store.subscribe(listener)
    await lease.release()
    expect(events).toContain('release.answered')
    expect(listener).toHaveBeenCalledTimes(1)
  })

  it('stays as it is when it is destroyed', async () => {
    const client = makeClient()
    const store = createLockStore(client)
    const lock = client.lock('destroyed')
    const lease = await lock.acquire()
    store.destroy()
    await lease.release()
    expect(lockOf(store.getState(), lock.id)?.phase).toBe('held')
  })
})

describe('lockStore', () => {
  it('is one for each client', () => {
    const [one, other] = [makeClient(), makeClient()]
    expect(lockStore(one)).toBe(lockStore(one))
    expect(lockStore(other)).not.toBe(lockStore(one))
  })
})
