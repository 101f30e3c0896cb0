import { describe, expect, it } from 'vitest'
import { createHandler } from '../../src/server/handler.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A handler whose readiness can be asked for. */
function ready(options: HandlerOptions) {
  const handler = createHandler(options)
  return {
    handler,
    async look() {
      const response = await handler.fetch(new Request('http://localhost/readyz'))
      return { status: response.status, body: await response.json() }
    },
  }
}

/** A store whose `inspect` is another one. */
function inspecting(store: LockStore, inspect: LockStore['inspect']): LockStore {
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'inspect') return inspect
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('/readyz', () => {
  it('is 200 while the server can grant, with and without an observer', async () => {
    for (const options of [{}, { observer: () => undefined }]) {
      const { handler, look } = ready(options)
      expect(await look()).toEqual({ status: 200, body: { status: 'ready' } })
      await handler.close()
    }
  })

  it('is 503 in the grace period, and says how long that is', async () => {
    const clock = new VirtualClock()
    for (const options of [{}, { observer: () => undefined }]) {
      const { handler, look } = ready({ ...options, clock, grace: 5_000 })
      clock.advance(2_000)
      expect(await look()).toEqual({
        status: 503,
        body: { status: 'not-ready', reason: 'grace', retry_after_ms: 3_000 },
      })
      clock.advance(3_000)
      expect(await look()).toEqual({ status: 200, body: { status: 'ready' } })
      await handler.close()
    }
  })

  it('is 503 from when the server drains, while heartbeats and releases are served as before', async () => {
    const { handler, look } = ready({})
    const ask = async (path: string) => (await handler.fetch(new Request(`http://localhost/v1/${path}`))).json()
    expect(await ask('acquire/k')).toEqual({ response: true })
    handler.drain()
    expect(await look()).toEqual({ status: 503, body: { status: 'not-ready', reason: 'draining' } })
    expect(await ask('heartbeat/k')).toEqual({ response: true })
    expect(await ask('release/k')).toEqual({ response: true })
    expect(await ask('acquire/k')).toEqual({ response: false })
    await handler.close()
  })

  it('is 503 while the store does not answer', async () => {
    const clock = new VirtualClock()
    let isDown = true
    const memory = createMemoryStore({ clock })
    const store = inspecting(memory, async (ref) => {
      if (isDown) throw new StoreUnavailableError('down')
      return memory.inspect(ref)
    })
    const { handler, look } = ready({ store, clock })
    expect(await look()).toEqual({ status: 503, body: { status: 'not-ready', reason: 'store' } })
    isDown = false
    clock.advance(1_000)
    expect(await look()).toEqual({ status: 200, body: { status: 'ready' } })
    await handler.close()
  })

  it('waits 2 s for a store that hangs', async () => {
    const clock = new VirtualClock()
    const { handler, look } = ready({
      store: inspecting(createMemoryStore({ clock }), () => new Promise(() => undefined)),
      clock,
    })
    const looked = look()
    let isOver = false
    void looked.then(() => {
      isOver = true
    })
    await expect.poll(() => clock.timers).toBe(1)
    clock.advance(1_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).toBe(false)
    clock.advance(1)
    expect(await looked).toEqual({ status: 503, body: { status: 'not-ready', reason: 'store' } })
    await handler.close()
  })

  it('takes one step a second, however many ask', async () => {
    const clock = new VirtualClock()
    let steps = 0
    const memory = createMemoryStore({ clock })
    const store = inspecting(memory, (ref) => {
      steps += 1
      return memory.inspect(ref)
    })
    const { handler, look } = ready({ store, clock })
    await Promise.all([look(), look(), look()])
    await look()
    expect(steps).toBe(1)
    clock.advance(1_000)
    await look()
    expect(steps).toBe(2)
    await handler.close()
  })
})
