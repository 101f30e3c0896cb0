import { NetworkError } from '../../src/core/errors.ts'
import type { OpenStream, Send, WireReply, WireRequest } from '../../src/core/ports.ts'
import type { LockableOptions } from '../../src/core/types.ts'
import { ServerSentEvents } from '../../src/platform/server-sent-events.ts'
import { PROBLEM_MEDIA_TYPE, problemDocument } from '../../src/protocol/problems.ts'
import type { CommandsRequest } from '../../src/protocol/session.ts'
import { createHandler, type HandlerOptions } from '../../src/server/index.ts'
import { VirtualClient, type VirtualPlace } from './virtual-client.ts'
import { settle, VirtualMachine, VirtualTime } from './virtual-time.ts'

/** What happens to one request on its way. */
export interface Fault {
  /** ms until the server has it. */
  readonly requestDelay?: number
  /** ms from the server's answer until the client has it. */
  readonly replyDelay?: number
  /** It never arrives at the server. */
  readonly dropRequest?: boolean
  /** The server acts on it, but its answer is lost. */
  readonly dropReply?: boolean
  /** The connection is refused at once. */
  readonly refuse?: boolean
  /** Answered by something else than the server. */
  readonly reply?: Partial<WireReply>
}

/** An operation as the network saw it: one request of a session may bring several. */
export interface Seen {
  readonly at: number
  /** With the command as its body, where there are several. */
  readonly request: WireRequest
  /** `acquire`, `heartbeat`, `release`, `status`; of a session also `poll`, `stream` and `end`. */
  readonly operation: string
  /** Who sent it. */
  readonly machine: VirtualMachine
}

/** Whether a request brings such an operation, in a session or not. */
export function brings(operation: string, request: WireRequest): boolean {
  return operationsIn(request).some((each) => each.operation === operation)
}

function isOfSession({ path }: WireRequest): boolean {
  return path.startsWith('/v1/session/')
}

function operationsIn(request: WireRequest): { readonly operation: string; readonly body?: object }[] {
  const [, , operation = '', kind = ''] = request.path.split('/')
  if (!isOfSession(request)) return [{ operation }]
  if (kind !== 'commands') return [{ operation: kind === 'release' ? 'end' : kind }]
  const { commands } = request.body as CommandsRequest
  return commands.length === 0 ? [{ operation: 'poll' }] : commands.map((body) => ({ operation: body.op, body }))
}

export interface WorldOptions extends HandlerOptions {
  /** `false`: a server of a version that knew no sessions. Default `true`. */
  readonly sessions?: boolean
}

/** Worlds in which the same must be true: with a server that knows sessions, and with one that does not. */
export const BOTH: readonly { readonly how: string; readonly sessions: boolean }[] = [
  { how: 'in a session', sessions: true },
  { how: 'with a lease of its own', sessions: false },
]

/** The real server behind a network that does what a test says, in virtual time. */
export class VirtualWorld {
  readonly time = new VirtualTime()
  readonly seen: Seen[] = []
  /** The requests as they were sent, streams too. */
  readonly sent: WireRequest[] = []
  /** How many streams are open, and the most that ever were at a time. */
  streams = 0
  mostStreams = 0
  /** Decides what happens to each request of a machine. Default: nothing. */
  fault: (request: WireRequest, machine: VirtualMachine) => Fault = () => ({})
  /** Answers instead of the server, if set. */
  answer: ((request: WireRequest) => Partial<WireReply>) | null = null
  readonly #handler
  readonly #hasSessions: boolean

  constructor({ sessions = true, ...options }: WorldOptions = {}) {
    this.#hasSessions = sessions
    const machine = new VirtualMachine(this.time)
    this.#handler = createHandler({
      ...options,
      clock: {
        now: () => machine.now(),
        wall: () => machine.wall(),
        setTimer: (fire, ms) => machine.setTimer(fire, ms),
      },
    })
  }

  /** How many requests there were, streams too. */
  get requests(): number {
    return this.sent.length
  }

  /** A client on a machine of its own. */
  client(options: LockableOptions = {}, place: VirtualPlace = {}): VirtualClient {
    return new VirtualClient(this, options, place)
  }

  /** The operations that were requested, in order, as `POST acquire`. */
  operations(): string[] {
    return this.seen.map(({ request, operation }) => `${request.method} ${operation}`)
  }

  send(machine: VirtualMachine): Send {
    return (request, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        this.#see(request, machine)
        const abandon = new AbortController()
        const settleWith = (task: () => void) => machine.run(() => finish(task))
        const cancel = machine.setTimer(
          () => finish(() => reject(new NetworkError(`No answer within ${timeoutMs} ms.`, true))),
          timeoutMs,
        )
        const stop = () => finish(() => reject(signal?.reason))
        const finish = (task: () => void) => {
          cancel()
          signal?.removeEventListener('abort', stop)
          task()
          abandon.abort()
        }
        if (signal?.aborted) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        const fault = this.#faultOf(request, machine)
        if (fault.refuse) return settleWith(() => reject(new NetworkError('connection refused', false)))
        if (fault.dropRequest) return
        this.#after(fault.requestDelay, async () => {
          const reply = await this.#reply(request, fault, abandon.signal)
          if (!fault.dropReply) this.#after(fault.replyDelay, () => settleWith(() => resolve(reply)))
        })
      })
  }

  openStream(machine: VirtualMachine): OpenStream {
    const carry = this.#carryStream(machine)
    return async (request, options) => {
      this.streams += 1
      this.mostStreams = Math.max(this.mostStreams, this.streams)
      return carry(request, options).finally(() => {
        this.streams -= 1
        // Who is frozen does not hear of its end either.
        return new Promise<void>((resume) => machine.run(resume))
      })
    }
  }

  #carryStream(machine: VirtualMachine): OpenStream {
    return async (request, { signal, heard }) => {
      this.#see(request, machine)
      const fault = this.#faultOf(request, machine)
      if (fault.refuse) throw new NetworkError('connection refused', false)
      const ended = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        if (signal.aborted) reject(signal.reason)
      })
      // A stream that is opened and never heard of.
      if (fault.dropRequest || fault.dropReply) return ended
      const response = await this.#respond(request, signal)
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return readReply(response)
      const decoder = new TextDecoder()
      const events = new ServerSentEvents((data) => this.#after(fault.replyDelay, () => machine.run(() => heard(data))))
      const reader = response.body?.getReader()
      while (reader !== undefined) {
        const { done, value } = await Promise.race([reader.read(), ended])
        if (done) break
        events.push(decoder.decode(value, { stream: true }))
      }
      return null
    }
  }

  /** What a server answers at once that knows no sessions is none of a test's business. */
  #faultOf(request: WireRequest, machine: VirtualMachine): Fault {
    return !this.#hasSessions && isOfSession(request) ? {} : this.fault(request, machine)
  }

  #see(request: WireRequest, machine: VirtualMachine): void {
    if (!this.#hasSessions && isOfSession(request)) return
    this.sent.push(request)
    for (const { operation, body } of operationsIn(request)) {
      this.seen.push({ at: this.time.now, request: { ...request, ...(body && { body }) }, operation, machine })
    }
  }

  #after(ms: number | undefined, task: () => void): void {
    if (ms) this.time.setTimer(task, ms)
    else queueMicrotask(task)
  }

  async #reply(request: WireRequest, fault: Fault, signal: AbortSignal): Promise<WireReply> {
    if (!this.#hasSessions && isOfSession(request)) return readReply(notFound(request.path))
    const made = fault.reply ?? this.answer?.(request)
    if (made) return { status: 200, contentType: 'application/json', body: '', retryAfterMs: null, ...made }
    return readReply(await this.#respond(request, signal))
  }

  async #respond(request: WireRequest, signal: AbortSignal): Promise<Response> {
    return this.#handler.fetch(
      new Request(`http://127.0.0.1:5625${request.path}`, {
        method: request.method,
        headers: { host: '127.0.0.1:5625', 'content-type': 'application/json' },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        signal,
      }),
    )
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

function notFound(path: string): Response {
  const body = JSON.stringify(problemDocument('not-found', `There is nothing at ${path}.`))
  return new Response(body, { status: 404, headers: { 'content-type': PROBLEM_MEDIA_TYPE } })
}

export { settle }
