import type { WireReply, WireRequest } from '../../src/core/ports.ts'
import { ServerSentEvents } from '../../src/platform/server-sent-events.ts'
import { decodeName } from '../../src/protocol/names.ts'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, problemDocument } from '../../src/protocol/problems.ts'
import { OPEN_ACCESS } from '../../src/server/auth/access.ts'
import { DEFAULT_RATES, Limiters } from '../../src/server/auth/limits.ts'
import { createClassic } from '../../src/server/classic.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import { createHandler } from '../../src/server/handler.ts'
import { ProblemError } from '../../src/server/http/problem-error.ts'
import { DEFAULT_LEASE } from '../../src/server/options.ts'
import { Parking } from '../../src/server/owned/parking.ts'
import { createOwned } from '../../src/server/owned.ts'
import { createSessions } from '../../src/server/sessions.ts'
import { statusReply } from '../../src/server/status.ts'
import { type LockStore, StoreUnavailableError } from '../../src/server/store.ts'
import type { Machine } from './machine.ts'
import type { Plan } from './plan.ts'
import { clockOf } from './simulated-stores.ts'

const MAX_WAIT_MS = 30_000
const SHORTEST_LEASE_MS = 1_000

type Answer = (request: WireRequest, gone: AbortSignal) => Promise<WireReply>
/** Resolves to `null` when the stream has ended, or to a reply that is none; rejects if it broke off. */
type Stream = (
  request: WireRequest,
  tell: (data: string | null) => void,
  gone: AbortSignal,
) => Promise<WireReply | null>

interface ServerProcess {
  readonly store: LockStore
  readonly answer: Answer
  readonly stream: Stream
  /** Lets parked requests go. */
  readonly drain: () => void
}

/** Where the stores of the processes of a server come from, one after another. */
export interface StoreOwner {
  /** The store of a process that starts. */
  start(clock: ServerClock): LockStore | Promise<LockStore>
  /** The process is told to stop in good order, and has some time for it. */
  drain?(): void
  /** The process is gone, or goes in good order. */
  stop(isGraceful: boolean): void
}

export interface ServerOptions {
  readonly machine: Machine
  readonly plan: Plan
  readonly stores: StoreOwner
}

/** The real server on a machine. It can die, and begin anew. */
export class SimulatedServer {
  readonly machine: Machine
  /** What to call when the process dies, for each request that it has not answered. */
  readonly connections = new Set<() => void>()
  readonly #options: ServerOptions
  /** `null` until its store is there. */
  #process: ServerProcess | null = null

  constructor(options: ServerOptions) {
    this.machine = options.machine
    this.#options = options
    this.#start()
  }

  /** Whether it takes requests. */
  get isUp(): boolean {
    return this.machine.isAlive && this.#process !== null
  }

  async answer(request: WireRequest, gone: AbortSignal): Promise<WireReply> {
    const foreign = this.#asForeign(request)
    if (typeof foreign !== 'string') return foreign
    return this.#running.answer(
      foreign === request.method ? request : { ...withoutBody(request), method: foreign },
      gone,
    )
  }

  async stream(
    request: WireRequest,
    tell: (data: string | null) => void,
    gone: AbortSignal,
  ): Promise<WireReply | null> {
    const foreign = this.#asForeign(request)
    return typeof foreign === 'string' ? this.#running.stream(request, tell, gone) : foreign
  }

  /** Somebody looks at its store, if it is up. */
  look(task: (store: LockStore) => void): void {
    if (this.#process !== null) task(this.#process.store)
  }

  /** Answers what waits, as a server does that is told to stop. */
  drain(): void {
    this.#process?.drain()
    this.#options.stores.drain?.()
  }

  /** The process ends, in good order or not. */
  kill(isGraceful: boolean): void {
    this.machine.kill()
    this.#process = null
    this.#options.stores.stop(isGraceful)
    const connections = [...this.connections]
    this.connections.clear()
    for (const closed of connections) closed()
  }

  boot(): void {
    this.machine.boot()
    this.#start()
  }

  get #running(): ServerProcess {
    if (this.#process === null) throw new Error('A request has reached a server that is not there.')
    return this.#process
  }

  /** What a server of another kind answers, or the method by which it takes the request. */
  #asForeign({ method, path }: WireRequest): WireReply | WireRequest['method'] {
    const { classicServer, hasSessions } = this.#options.plan
    if (classicServer === 'ours') {
      if (path === '/v1') return asReply(serviceInfo(hasSessions))
      return hasSessions || !path.startsWith('/v1/session/') ? method : NO_SESSIONS
    }
    if (path === '/v1' || path.startsWith('/v1/status/') || path.startsWith('/v1/session/')) return NOT_FOUND
    return method === 'GET' || classicServer === 'takes-post' ? 'GET' : NOT_FOUND
  }

  #start(): void {
    const { machine, stores } = this.#options
    const { epoch } = machine
    const store = stores.start(clockOf(machine))
    if (!(store instanceof Promise)) {
      this.#process = this.#serve(store)
      return
    }
    void store.then((opened) => {
      if (epoch === machine.epoch) this.#process = this.#serve(opened)
    })
  }

  #serve(store: LockStore): ServerProcess {
    const { machine, plan } = this.#options
    const clock = clockOf(machine)
    const lease = { ...DEFAULT_LEASE, minMs: SHORTEST_LEASE_MS, defaultMs: plan.leaseMs, classicMs: plan.leaseMs }
    return plan.seam === 'handler' ? behindHandler(store, clock, lease) : plainObjects(store, clock, lease)
  }
}

const NOT_FOUND: WireReply = { status: 404, contentType: 'text/html', body: '<h1>Not Found</h1>', retryAfterMs: null }

const NO_SESSIONS = asProblem(new ProblemError('not-found', 'There are no sessions here.'))

/** What a client may learn from `GET /v1`, told here so that there can be a server of ours without sessions. */
function serviceInfo(hasSessions: boolean): object {
  const features = ['classic', 'owned', 'queue', 'claims', 'shared', 'steal', 'info', 'status']
  return { service: 'lockable', v: 2, features: hasSessions ? [...features, 'sessions'] : features }
}

function withoutBody({ body: _body, ...request }: WireRequest): WireRequest {
  return request
}

/** The server without its HTTP: what the routes of the real handler call, called with plain objects. */
function plainObjects(store: LockStore, clock: ServerClock, lease: typeof DEFAULT_LEASE): ServerProcess {
  const parking = new Parking(clock)
  store.watch((waiter) => parking.wake(waiter))
  const observe = () => undefined
  const owned = createOwned({ store, clock, parking, lease, maxWaitMs: MAX_WAIT_MS, observe })
  const classic = createClassic({ store, leaseMs: lease.classicMs, isClosing: () => parking.isClosed })
  const sessions = createSessions({
    store,
    clock,
    parking,
    lease,
    limiters: new Limiters(clock, DEFAULT_RATES),
    observe,
  })
  const session = (operation: string, body: unknown): Promise<object> => {
    if (operation === 'commands') return sessions.commands(OPEN_ACCESS, body)
    if (operation === 'heartbeat') return sessions.heartbeat(body)
    if (operation === 'release') return sessions.release(body)
    throw new ProblemError('not-found', operation)
  }
  const route = async ({ method, path, body }: WireRequest, gone: AbortSignal): Promise<object> => {
    const [, , segment = '', ...rest] = path.split('/')
    const lock = { namespace: OPEN_ACCESS.namespace, name: decodeName(rest.join('/')) ?? '' }
    if (segment === 'session') return session(rest.join('/'), body)
    if (segment === 'status') return statusReply(await store.inspect(lock))
    if (segment !== 'acquire' && segment !== 'heartbeat' && segment !== 'release') {
      throw new ProblemError('not-found', path)
    }
    if (method === 'GET') return { response: await classic[segment](lock, OPEN_ACCESS) }
    return owned[segment](lock, body, OPEN_ACCESS, gone)
  }
  return {
    store,
    answer: (request, gone) => route(request, gone).then(asReply, asProblem),
    stream: ({ body }, tell, gone) => {
      // The headers, which come before all events.
      tell(null)
      return sessions
        .stream(body, (event) => tell(event === null ? null : JSON.stringify(event)), gone)
        .then(() => null, asBreak)
    },
    drain: () => parking.close(),
  }
}

/** After the headers nothing can be told but that it breaks off. */
function asBreak(error: unknown): WireReply {
  if (error instanceof StoreUnavailableError) throw error
  return asProblem(error)
}

function asReply(body: object): WireReply {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(body), retryAfterMs: null }
}

function asProblem(error: unknown): WireReply {
  const isOut = error instanceof StoreUnavailableError
  if (!isOut && !(error instanceof ProblemError)) throw error
  const code = isOut ? 'unavailable' : error.code
  return {
    status: PROBLEMS[code].status,
    contentType: PROBLEM_MEDIA_TYPE,
    body: JSON.stringify(isOut ? problemDocument(code, error.message) : error.document),
    retryAfterMs: null,
  }
}

/** The whole server, from `Request` to `Response`. */
function behindHandler(store: LockStore, clock: ServerClock, lease: typeof DEFAULT_LEASE): ServerProcess {
  const handler = createHandler({ store, clock, lease, maxWaitMs: MAX_WAIT_MS })
  const fetch = ({ method, path, body }: WireRequest, signal: AbortSignal): Promise<Response> =>
    handler.fetch(
      new Request(`http://127.0.0.1${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      }),
    )
  return {
    store,
    answer: async (request, signal) => readReply(await fetch(request, signal)),
    stream: async (request, tell, signal) => {
      const response = await fetch(request, signal)
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
      if (!isStream || response.body === null) return readReply(response)
      try {
        await readEvents(response.body, tell)
      } catch (error) {
        // Whoever has hung up reads no more.
        if (!signal.aborted) throw error
      }
      return null
    },
    drain: () => void handler.close(),
  }
}

async function readReply(response: Response): Promise<WireReply> {
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: await response.text(),
    retryAfterMs: null,
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, tell: (data: string | null) => void): Promise<void> {
  const events = new ServerSentEvents(tell)
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    events.push(decoder.decode(read.value, { stream: true }))
  }
}
