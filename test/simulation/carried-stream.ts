import { NetworkError } from '../../src/core/errors.ts'
import type { StreamOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import type { Exchange } from './exchange.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { MessageKind } from './plan.ts'
import type { SimulatedServer } from './server.ts'

export interface CarriedStreamOptions {
  readonly exchange: Exchange
  readonly kernel: Kernel
  readonly server: SimulatedServer
  readonly asSender: <Result>(label: string, task: () => Result) => Result
  readonly leaves: (machine: Machine, request: WireRequest) => void
  readonly options: StreamOptions
  readonly resolve: (reply: WireReply | null) => void
  readonly reject: (reason: unknown) => void
  /** How long each copy of a message takes, in ms; none: it is lost. */
  readonly fate: (kind: MessageKind) => number[]
  /** Whether a connection that breaks does so with a noise, or is just never heard of again. */
  readonly isCut: () => boolean
  /** Told of each event that the client hears. */
  readonly heard: () => void
  readonly note: (who: string, what: string) => void
}

/**
 * One stream over one connection: what the server tells arrives in its order or not at all. Once something is lost,
 * nothing more comes; the client may hear of that, or may not. Nothing of it comes twice.
 */
export class CarriedStream {
  readonly #options: CarriedStreamOptions
  readonly #clientEpoch: number
  /** The client has heard the end, or does not want to hear more. */
  #isOver = false
  /** Nothing comes through from the server any more. */
  #isBroken = false
  /** When the latest event arrives, in true ms: no later one arrives before. */
  #arrivesAt = 0

  constructor(options: CarriedStreamOptions) {
    this.#options = options
    this.#clientEpoch = options.exchange.machine.epoch
  }

  start(): void {
    const { exchange, leaves, note, fate, kernel } = this.#options
    const { signal } = this.#options.options
    const { machine, request } = exchange
    if (signal.aborted) return this.#stop()
    signal.addEventListener('abort', this.#stop, { once: true })
    // A machine that is frozen sends when it runs again.
    machine.run(() => {
      if (this.#isOver) return
      leaves(machine, request)
      if (this.#isOver) return
      note(machine.label, 'sent')
      const [delay] = fate('request')
      if (delay !== undefined) kernel.after(delay, () => this.#arrive())
    })
  }

  readonly #stop = (): void => {
    const { reject, options } = this.#options
    this.#finish('aborted', () => {
      reject(options.signal.reason)
      this.#hangUp()
    })
  }

  #arrive(): void {
    const { exchange, server, asSender, note } = this.#options
    const { machine, request } = exchange
    if (!server.isUp) return this.#fail('connection refused')
    server.machine.run(() => {
      note(server.machine.label, 'arrived')
      const closed = () => this.#fail('connection closed')
      const { epoch } = server.machine
      server.connections.add(closed)
      const gone = exchange.arrive(epoch)
      const tell = (data: string | null) => {
        if (epoch === server.machine.epoch && !gone.aborted) this.#tell(data)
      }
      const isOver = () => {
        server.connections.delete(closed)
        return epoch === server.machine.epoch
      }
      void asSender(machine.label, () => server.stream(request, tell, gone)).then(
        (reply) => isOver() && this.#end(reply),
        (error) => isOver() && this.#fail(`broke off: ${error}`),
      )
    })
  }

  #tell(data: string | null): void {
    const { options, exchange, heard, note } = this.#options
    this.#bring('event', () => {
      if (this.#isOver) return
      heard()
      note(exchange.machine.label, `hears ${data}`)
      options.heard(data)
    })
  }

  #end(reply: WireReply | null): void {
    this.#options.note(
      this.#options.server.machine.label,
      reply === null ? 'ends' : `answers ${reply.status} ${reply.body}`,
    )
    this.#bring('reply', () => this.#finish('ended', () => this.#options.resolve(reply)))
  }

  #fail(reason: string): void {
    this.#bring('reply', () => this.#finish(reason, () => this.#options.reject(new NetworkError(reason, false))))
  }

  /** Brings something from the server to the client, after all that came before. */
  #bring(kind: MessageKind, deliver: () => void): void {
    const { exchange, fate, kernel } = this.#options
    if (this.#isBroken) return
    const [delay] = fate(kind)
    if (delay === undefined) return this.#break()
    this.#arrivesAt = Math.max(this.#arrivesAt, kernel.now + delay)
    kernel.after(this.#arrivesAt - kernel.now, () => {
      // The computer of a process that is gone says so to whoever still sends to it.
      if (exchange.machine.epoch !== this.#clientEpoch) this.#hangUp()
      else exchange.machine.run(deliver)
    })
  }

  #break(): void {
    const { note, isCut, kernel, exchange } = this.#options
    this.#isBroken = true
    if (!isCut()) return note('network', 'never brings any more of it')
    note('network', 'cuts it')
    const reason = 'connection cut'
    const fail = () => this.#finish(reason, () => this.#options.reject(new NetworkError(reason, false)))
    kernel.after(Math.max(0, this.#arrivesAt - kernel.now), () => exchange.machine.run(fail))
    this.#hangUp()
  }

  #hangUp(): void {
    const { exchange, fate, kernel, server } = this.#options
    const [delay] = fate('abort')
    if (delay === undefined) return
    kernel.after(delay, () => server.machine.run(() => exchange.hangUp(server.machine.epoch)))
  }

  #finish(outcome: string, settle: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    const { options, exchange, note } = this.#options
    options.signal.removeEventListener('abort', this.#stop)
    note(exchange.machine.label, outcome)
    settle()
  }
}
