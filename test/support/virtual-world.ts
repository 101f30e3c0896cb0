import { LockClient } from '../../src/core/client.ts'
import { NetworkError } from '../../src/core/errors.ts'
import type { LockableEvent } from '../../src/core/events.ts'
import type { PageChange, Runtime, Send, WireReply, WireRequest } from '../../src/core/ports.ts'
import type { LockableOptions } from '../../src/core/types.ts'
import { BeatLoop } from '../../src/heartbeat/loop.ts'
import { createHandler, type HandlerOptions } from '../../src/server/index.ts'
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

/** A request as the network saw it. */
export interface Seen {
  readonly at: number
  readonly request: WireRequest
  /** `acquire`, `heartbeat`, ... */
  readonly operation: string
}

/** The real server behind a network that does what a test says, in virtual time. */
export class VirtualWorld {
  readonly time = new VirtualTime()
  readonly seen: Seen[] = []
  /** Decides what happens to each request. Default: nothing. */
  fault: (request: WireRequest) => Fault = () => ({})
  /** Answers instead of the server, if set. */
  answer: ((request: WireRequest) => Partial<WireReply>) | null = null
  readonly #handler

  constructor(options: HandlerOptions = {}) {
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

  /** A client on a machine of its own. */
  client(options: LockableOptions = {}): VirtualClient {
    return new VirtualClient(this, options)
  }

  /** The operations that were requested, in order, as `POST acquire`. */
  operations(): string[] {
    return this.seen.map(({ request, operation }) => `${request.method} ${operation}`)
  }

  send(machine: VirtualMachine): Send {
    return (request, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        const [, , operation = ''] = request.path.split('/')
        this.seen.push({ at: this.time.now, request, operation })
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
        const fault = this.fault(request)
        if (fault.refuse) return settleWith(() => reject(new NetworkError('connection refused', false)))
        if (fault.dropRequest) return
        this.#after(fault.requestDelay, async () => {
          const reply = await this.#reply(request, fault, abandon.signal)
          if (!fault.dropReply) this.#after(fault.replyDelay, () => settleWith(() => resolve(reply)))
        })
      })
  }

  #after(ms: number | undefined, task: () => void): void {
    if (ms) this.time.setTimer(task, ms)
    else queueMicrotask(task)
  }

  async #reply(request: WireRequest, fault: Fault, signal: AbortSignal): Promise<WireReply> {
    const made = fault.reply ?? this.answer?.(request)
    if (made) return { status: 200, contentType: 'application/json', body: '', retryAfterMs: null, ...made }
    const response = await this.#handler.fetch(
      new Request(`http://127.0.0.1:5625${request.path}`, {
        method: request.method,
        headers: { host: '127.0.0.1:5625', 'content-type': 'application/json' },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        signal,
      }),
    )
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await response.text(),
      retryAfterMs: null,
    }
  }
}

/** The real client, with the beat loop on its own thread, on a virtual machine. */
export class VirtualClient extends LockClient {
  readonly machine: VirtualMachine
  readonly events: LockableEvent[] = []
  readonly exceptions: unknown[]
  readonly #page: { listener: ((change: PageChange) => void) | null }

  constructor(world: VirtualWorld, options: LockableOptions) {
    const machine = new VirtualMachine(world.time)
    const page: { listener: ((change: PageChange) => void) | null } = { listener: null }
    const exceptions: unknown[] = []
    super(options, virtualRuntime(world, machine, page, exceptions))
    this.machine = machine
    this.exceptions = exceptions
    this.#page = page
    this.subscribe((event) => this.events.push(event))
  }

  /** The page changes, as a browser would tell. */
  changePage(change: PageChange): void {
    this.#page.listener?.(change)
  }

  /** The types of the events so far. */
  types(): string[] {
    return this.events.map(({ type }) => type)
  }
}

let owners = 0

function virtualRuntime(
  world: VirtualWorld,
  machine: VirtualMachine,
  page: { listener: ((change: PageChange) => void) | null },
  exceptions: unknown[],
): Runtime {
  const send = world.send(machine)
  const clockAndTimers = {
    now: () => machine.now(),
    wall: () => machine.wall(),
    setTimer: (fire: () => void, ms: number) => machine.setTimer(fire, ms),
  }
  return {
    ...clockAndTimers,
    random: () => 0.5,
    newOwner: () => {
      owners += 1
      return `owner${String(owners).padStart(17, '0')}`
    },
    send,
    environmentToken: () => null,
    heartbeatHost: ({ dispatch, threadChanged }) => {
      threadChanged({ thread: 'page', reason: null })
      return new BeatLoop({ ...clockAndTimers, random: () => 0.5, send, report: dispatch, silentMs: () => 0 })
    },
    whileParking: (poll) => poll(true),
    onPageChange: (listener) => {
      page.listener = listener
      return () => {
        page.listener = null
      }
    },
    reportException: (error) => exceptions.push(error),
  }
}

export { settle }
