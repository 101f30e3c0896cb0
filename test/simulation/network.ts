import { NetworkError } from '../../src/core/errors.ts'
import type { Send, SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Fault, MessageKind } from './plan.ts'
import { Random } from './random.ts'
import type { SimulatedServer } from './server.ts'
import type { Trace } from './trace.ts'

/** ms that a message takes at least. */
const SHORTEST_DELAY_MS = 0.5

type NetworkFault = Extract<Fault, { readonly kind: 'network' }>

interface Weather {
  readonly fault: NetworkFault
  readonly random: Random
}

export interface NetworkOptions {
  readonly seed: number
  readonly kernel: Kernel
  readonly trace: Trace
  readonly server: SimulatedServer
  readonly faults: readonly Fault[]
  readonly longestDelayMs: number
  /** Runs `task` so that the oracles know whose request it is. */
  readonly asSender: <Result>(label: string, task: () => Result) => Result
  /** Told of each request when it leaves its machine. */
  readonly leaves: (machine: Machine, request: WireRequest) => void
}

/** Carries requests, replies and the news that a client has hung up, each as a message of its own. */
export class SimulatedNetwork {
  /** How many requests were sent. */
  requests = 0
  readonly #options: NetworkOptions
  readonly #random: Random
  readonly #weather: readonly Weather[]

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#random = new Random(options.seed).fork(1)
    this.#weather = options.faults.flatMap((fault) =>
      fault.kind === 'network' ? [{ fault, random: new Random(options.seed).fork(fault.stream) }] : [],
    )
  }

  /** The way from `machine` to the server. */
  sendFrom(machine: Machine): Send {
    return (request, options) =>
      new Promise((resolve, reject) => {
        this.requests += 1
        this.#carry(new Exchange(this.requests, machine, request), options, resolve, reject)
      })
  }

  #carry(
    exchange: Exchange,
    { timeoutMs, signal }: SendOptions,
    resolve: (reply: WireReply) => void,
    reject: (reason: unknown) => void,
  ): void {
    const { machine } = exchange
    let isOver = false
    const finish = (outcome: string, settle: () => void) => {
      if (isOver) return
      isOver = true
      cancel()
      signal?.removeEventListener('abort', stop)
      this.#note(machine.label, exchange, outcome)
      settle()
    }
    const hangUp = () =>
      this.#carryMessage('abort', exchange, () => this.#options.server.machine.run(() => this.#hangUp(exchange)))
    const cancel = machine.setTimer(
      () =>
        finish('timed out', () => {
          reject(new NetworkError(`No answer within ${timeoutMs} ms.`, true))
          hangUp()
        }),
      timeoutMs,
    )
    const stop = () =>
      finish('aborted', () => {
        reject(signal?.reason)
        hangUp()
      })
    if (signal?.aborted) return stop()
    signal?.addEventListener('abort', stop, { once: true })
    // A machine that is frozen sends when it runs again.
    machine.run(() => {
      if (isOver) return
      this.#options.leaves(machine, exchange.request)
      // An oracle that looks may find the lock lost, which takes the request back.
      if (isOver) return
      this.#note(machine.label, exchange, 'sent')
      this.#carryMessage('request', exchange, () =>
        this.#arrive(
          exchange,
          (reply) => finish(`got ${reply.status} ${reply.body}`, () => resolve(reply)),
          (reason) => finish(reason, () => reject(new NetworkError(reason, false))),
        ),
      )
    })
  }

  #arrive(exchange: Exchange, answered: (reply: WireReply) => void, failed: (reason: string) => void): void {
    const { server } = this.#options
    const { machine, request } = exchange
    const refuse = (reason: string) => this.#carryMessage('reply', exchange, () => machine.run(() => failed(reason)))
    if (!server.machine.isAlive) return refuse('connection refused')
    server.machine.run(() => {
      this.#note('server', exchange, 'arrived')
      const closed = () => refuse('connection closed')
      const { epoch } = server.machine
      server.connections.add(closed)
      const gone = new AbortController()
      if (exchange.hasHungUp) gone.abort()
      exchange.arrivals.push({ epoch, gone })
      void this.#options
        .asSender(machine.label, () => server.answer(request, gone.signal))
        .then((reply) => {
          if (epoch !== server.machine.epoch) return
          server.connections.delete(closed)
          this.#note('server', exchange, `answers ${reply.status} ${reply.body}`)
          this.#carryMessage('reply', exchange, () => machine.run(() => answered(reply)))
        })
    })
  }

  /** A process knows only of the requests that it has got itself. */
  #hangUp(exchange: Exchange): void {
    exchange.hasHungUp = true
    for (const { epoch, gone } of exchange.arrivals) {
      if (epoch === this.#options.server.machine.epoch) gone.abort()
    }
  }

  #carryMessage(kind: MessageKind, exchange: Exchange, deliver: () => void): void {
    for (const delay of this.#fate(kind, exchange)) this.#options.kernel.after(delay, deliver)
  }

  /** How long each copy of a message takes, in ms; none: it is lost. */
  #fate(kind: MessageKind, exchange: Exchange): number[] {
    const { kernel, longestDelayMs } = this.#options
    let delays = [this.#random.between(SHORTEST_DELAY_MS, longestDelayMs)]
    for (const { fault, random } of this.#weather) {
      const isThere = fault.from <= kernel.now && kernel.now < fault.until
      const isMeant = fault.message === kind || fault.message === 'any'
      if (!isThere || !isMeant || (fault.who !== null && fault.who !== exchange.machine.label)) continue
      if (!random.chance(fault.chance)) continue
      this.#note('network', exchange, `${fault.effect} ${kind}`)
      if (fault.effect === 'lose') delays = []
      if (fault.effect === 'delay') delays = delays.map((delay) => delay + random.between(0, fault.ms))
      if (fault.effect === 'duplicate') delays = delays.flatMap((delay) => [delay, delay + random.between(0, fault.ms)])
    }
    return delays
  }

  #note(who: string, { id, machine, request }: Exchange, what: string): void {
    const { kernel, trace } = this.#options
    trace.add(kernel.now, who, `#${id} ${machine.label} ${request.method} ${request.path} ${what}`)
  }
}

/** One request with all that comes of it. */
class Exchange {
  /** The copies of the request that the server got, and how each of them hears that the client has hung up. */
  readonly arrivals: { readonly epoch: number; readonly gone: AbortController }[] = []
  hasHungUp = false
  readonly id: number
  readonly machine: Machine
  readonly request: WireRequest

  constructor(id: number, machine: Machine, request: WireRequest) {
    this.id = id
    this.machine = machine
    this.request = request
  }
}
