import { cleanup, configure, screen } from '@testing-library/react'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { type EventOf, type EventType, Lockable, type LockableOptions } from '../../src/index.ts'
import type { CommandsRequest } from '../../src/protocol/session.ts'
import { type LockServer, serve } from '../../src/server/node.ts'

// At the root: below it React does not run effects twice, and the tests would prove nothing.
configure({ reactStrictMode: true })

/** A client together with what it sent. */
export interface Person {
  readonly client: Lockable
  /** `acquire`, `release`, ... with the name, in the order in which they were sent; without heartbeats. */
  readonly wire: string[]
  /** Whether its heartbeats reach the server. */
  heartbeatsPass: boolean
}

/** A real lock server for one test file, and clients of it that are closed after each test. */
export function startWorld(): { readonly person: (options?: LockableOptions) => Person } {
  let server: LockServer
  const clients: Lockable[] = []

  beforeAll(async () => {
    server = await serve({ port: 0, lease: { minMs: 100 }, closeTimeoutMs: 100 })
  })
  afterEach(async () => {
    cleanup()
    await Promise.all(clients.splice(0).map((client) => client.close()))
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })
  afterAll(() => server.close())

  return {
    person: (options = {}) => {
      const wire: string[] = []
      const recorded: typeof fetch = (input, init) => {
        const sent = operationsIn(input, init)
        const isHeartbeat = sent.some((operation) => operation.startsWith('heartbeat'))
        if (!isHeartbeat) wire.push(...sent)
        else if (!person.heartbeatsPass) return Promise.reject(new TypeError('The network is down.'))
        return fetch(input, init)
      }
      const client = new Lockable({
        url: server.url,
        worker: 'off',
        fetch: recorded,
        heartbeatInterval: 50,
        ...options,
      })
      const person: Person = { client, wire, heartbeatsPass: true }
      clients.push(client)
      return person
    },
  }
}

/**
 * Makes the page of the tests of a `describe` one that may park its waits at the server, as the one tab that holds the
 * native Web Lock may; jsdom has no Web Locks. Without it the client polls about once a second.
 */
export function parkWaits(): void {
  const request = async (_name: string, _options: object, run: (lock: object) => unknown) => run({})
  beforeEach(() => {
    Object.defineProperty(navigator, 'locks', { configurable: true, value: { request } })
  })
  afterEach(() => {
    Reflect.deleteProperty(navigator, 'locks')
  })
}

/** What a request asks for; the confirmation of a claim, a poll and a stream ask for nothing. */
function operationsIn(input: string | URL | Request, init: RequestInit | undefined): string[] {
  const { pathname } = new URL(input instanceof Request ? input.url : input)
  const [, , operation, name = ''] = pathname.split('/')
  if (operation !== 'session') return [`${operation} ${decodeURIComponent(name)}`]
  if (name !== 'commands') return name === 'stream' ? [] : [name]
  const { commands } = JSON.parse(String(init?.body)) as CommandsRequest
  return commands.map((command) => ('name' in command ? `${command.op} ${command.name}` : command.op))
}

let names = 0

/** A name that no other test of the file uses. */
export function freshName(): string {
  names += 1
  return `doc:${names}`
}

/** Resolves with the next event of `type`. */
export function next<Type extends EventType>(client: Lockable, type: Type): Promise<EventOf<Type>> {
  return new Promise((resolve) => {
    const stop = client.subscribe((event) => {
      if (event.type !== type) return
      stop()
      resolve(event as EventOf<Type>)
    })
  })
}

/** Resolves when what is due as a macrotask has run, a deferred release among it. */
export async function macrotasks(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0))
}

/** Resolves when the component with this label shows `status`. */
export async function shows(status: string, label = 'editor'): Promise<void> {
  await vi.waitFor(() => expect(shown(label)).toBe(status), { timeout: 3000, interval: 5 })
}

/** What the component with this label shows now. */
export function shown(label = 'editor'): string | null {
  return screen.getByLabelText(label).textContent
}
