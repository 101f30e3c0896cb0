import { type IncomingHttpHeaders, request } from 'node:http'
import { SESSION_PATHS } from '../../src/protocol/paths.ts'
import type { Operation } from '../../src/protocol/wire.ts'
import { createHandler, type LockHandler } from '../../src/server/handler.ts'
import type { LockServer } from '../../src/server/node.ts'
import type { HandlerOptions } from '../../src/server/options.ts'
import type { LockStore } from '../../src/server/store.ts'
import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The body, or `null` if it is no JSON. */
  readonly json: Record<string, unknown>
}

export interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
  /** Sends the body without telling its length. */
  readonly chunked?: boolean
}

/** Sends `path` exactly as it stands: no URL parser gets hold of it. */
export function send(server: LockServer, path: string, sent: Sent = {}): Promise<Reply> {
  const { method = 'GET', headers = {}, body, chunked = false } = sent
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: server.host, port: server.port, path, method, headers, agent: false },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text, json: parse(text) })
        })
      },
    )
    outgoing.on('error', reject)
    // Node tells the length of a body that is there before the headers are sent.
    if (chunked) outgoing.flushHeaders()
    outgoing.end(body)
  })
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text()
  return { status: response.status, headers: Object.fromEntries(response.headers), body: text, json: parse(text) }
}

/** A request of the owned dialect over HTTP. */
export function post(server: LockServer, operation: Operation, name: string, body: object): Promise<Reply> {
  return send(server, `/v1/${operation}/${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** A store that tells of its steps, so that a test can wait for one. */
export interface ObservedStore extends LockStore {
  /** Resolves after the next step that ends so: `acquire:queued`, `attend:granted`, ... */
  next(step: string): Promise<void>
}

/** A store over `store` that tells of its steps. */
export function observe(store: LockStore): ObservedStore {
  const waiting = new Map<string, (() => void)[]>()
  const tell = (step: string) => {
    for (const resolve of waiting.get(step) ?? []) resolve()
    waiting.delete(step)
  }
  return {
    traits: store.traits,
    async acquire(step) {
      const outcome = await store.acquire(step)
      tell(`acquire:${outcome.kind}`)
      return outcome
    },
    async attend(step) {
      const outcome = await store.attend(step)
      tell(`attend:${outcome.kind}`)
      return outcome
    },
    renew: (steps) => store.renew(steps),
    release: (step) => store.release(step),
    inspect: (ref) => store.inspect(ref),
    list: (step) => store.list(step),
    endHolders: (step) => store.endHolders(step),
    revoke: (step) => store.revoke(step),
    async execute(step) {
      const outcome = await store.execute(step)
      tell(`execute:${outcome.kind}`)
      return outcome
    },
    renewSession: (step) => store.renewSession(step),
    async attendSession(step) {
      const outcome = await store.attendSession(step)
      tell(`attendSession:${step.attachMs}`)
      return outcome
    },
    endSession: (session) => store.endSession(session),
    watch: (listener) => store.watch(listener),
    close: () => store.close(),
    next: (step) => new Promise((resolve) => waiting.set(step, [...(waiting.get(step) ?? []), resolve])),
  }
}

/** A handler under a virtual clock, spoken to about the lock `k` in the owned dialect. */
export class HandlerBench {
  readonly clock = new VirtualClock()
  readonly store: ObservedStore
  readonly handler: LockHandler

  constructor(options: Omit<HandlerOptions, 'clock' | 'store'> = {}) {
    const { grace, limits, ...rest } = options
    this.store = observe(createMemoryStore({ clock: this.clock, ...(grace && { grace }), ...(limits && { limits }) }))
    this.handler = createHandler({ ...rest, clock: this.clock, store: this.store })
  }

  async post(operation: Operation, body: object, signal?: AbortSignal): Promise<Reply> {
    return read(await this.#fetch(`/v1/${operation}/k`, body, signal))
  }

  /** A request about a session. */
  async ask(operation: keyof typeof SESSION_PATHS, body: object): Promise<Reply> {
    return read(await this.#fetch(SESSION_PATHS[operation], body))
  }

  /** The response of a stream of sessions, which goes on. */
  stream(sessions: readonly string[], signal?: AbortSignal, headers: Record<string, string> = {}): Promise<Response> {
    return this.#fetch(SESSION_PATHS.stream, { sessions: sessions.map((session) => ({ session })) }, signal, headers)
  }

  #fetch(path: string, body: object, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<Response> {
    return this.handler.fetch(
      new Request(`http://localhost${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      }),
    )
  }

  /** An acquire that is parked when this resolves; the reply comes later. */
  async park(body: object, signal?: AbortSignal): Promise<{ reply: Promise<Reply> }> {
    const queued = this.store.next('acquire:queued')
    const reply = this.post('acquire', body, signal)
    await queued
    return { reply }
  }

  async get(path: string): Promise<Record<string, unknown>> {
    return parse(await (await this.handler.fetch(new Request(`http://localhost${path}`))).text())
  }
}
