import { NetworkError } from '../../src/core/errors.ts'
import type { OpenStream, Send, SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import { CarriedStream } from './carried-stream.ts'
import { Exchange } from './exchange.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Fault, MessageKind } from './plan.ts'
import type { SimulatedServer } from './server.ts'
import type { Trace } from './trace.ts'
import { Weather } from './weather.ts'

export interface NetworkOptions {
  readonly seed: number
  readonly kernel: Kernel
  readonly trace: Trace
  /** Where a request of this client goes, and the events of a stream come from. */
  readonly route: (label: string) => SimulatedServer
  readonly faults: readonly Fault[]
  readonly longestDelayMs: number
  /** Runs `task` so that the oracles know whose request it is. */
  readonly asSender: <Result>(label: string, task: () => Result) => Result
  /** Told of each request when it leaves its machine. */
  readonly leaves: (machine: Machine, request: WireRequest) => void
  /** Told of each request when it is made; returns what to tell of its reply. */
  readonly sends: (machine: Machine, request: WireRequest) => (reply: WireReply) => void
}

/** Carries requests, replies, events and the news that a client has hung up, each as a message of its own. */
export class SimulatedNetwork {
  /** How many requests were sent. */
  requests = 0
  /** How many events of streams arrived. */
  events = 0
  readonly #options: NetworkOptions
  readonly #weather: Weather

  constructor(options: NetworkOptions) {
    const { seed, faults, longestDelayMs, kernel } = options
    this.#options = options
    this.#weather = new Weather({ seed, faults, longestDelayMs, now: () => kernel.now })
  }

  /** The way from `machine` to the server. */
  sendFrom(machine: Machine): Send {
    return (request, options) =>
      new Promise((resolve, reject) => {
        const heard = this.#options.sends(machine, request)
        const resolved = (reply: WireReply) => {
          heard(reply)
          resolve(reply)
        }
        this.#carry(this.#exchange(machine, request), options, resolved, reject)
      })
  }

  /** The way from `machine` to the streams of the server. */
  openStreamFrom(machine: Machine): OpenStream {
    return (request, options) =>
      new Promise((resolve, reject) => {
        const exchange = this.#exchange(machine, request)
        const { kernel, asSender, leaves } = this.#options
        const { server } = exchange
        new CarriedStream({
          ...{ exchange, kernel, server, asSender, leaves, options, resolve, reject },
          fate: (kind) => this.#fate(kind, exchange),
          isCut: () => this.#weather.random.chance(0.5),
          heard: () => {
            this.events += 1
          },
          note: (who, what) => this.#note(who, exchange, what),
        }).start()
      })
  }

  #exchange(machine: Machine, request: WireRequest): Exchange {
    this.requests += 1
    return new Exchange(this.requests, machine, request, this.#options.route(machine.label))
  }

  #carry(
    exchange: Exchange,
    { timeoutMs, signal }: SendOptions,
    resolve: (reply: WireReply) => void,
    reject: (reason: unknown) => void,
  ): void {
    const { machine, server } = exchange
    const { leaves } = this.#options
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
      this.#carryMessage('abort', exchange, () => server.machine.run(() => exchange.hangUp(server.machine.epoch)))
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
      leaves(machine, exchange.request)
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
    const { machine, request, server } = exchange
    const refuse = (reason: string) => this.#carryMessage('reply', exchange, () => machine.run(() => failed(reason)))
    if (!server.isUp) return refuse('connection refused')
    server.machine.run(() => {
      this.#note(server.machine.label, exchange, 'arrived')
      const closed = () => refuse('connection closed')
      const { epoch } = server.machine
      server.connections.add(closed)
      const gone = exchange.arrive(epoch)
      void this.#options
        .asSender(machine.label, () => server.answer(request, gone))
        .then((reply) => {
          if (epoch !== server.machine.epoch) return
          server.connections.delete(closed)
          this.#note(server.machine.label, exchange, `answers ${reply.status} ${reply.body}`)
          this.#carryMessage('reply', exchange, () => machine.run(() => answered(reply)))
        })
    })
  }

  #carryMessage(kind: MessageKind, exchange: Exchange, deliver: () => void): void {
    for (const delay of this.#fate(kind, exchange)) this.#options.kernel.after(delay, deliver)
  }

  #fate(kind: MessageKind, exchange: Exchange): number[] {
    return this.#weather.fate(kind, exchange.machine.label, (what) => this.#note('network', exchange, what))
  }

  #note(who: string, { id, machine, request }: Exchange, what: string): void {
    const { kernel, trace } = this.#options
    trace.add(kernel.now, who, `#${id} ${machine.label} ${request.method} ${request.path} ${what}`)
  }
}
