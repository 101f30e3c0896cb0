import type { WireRequest } from '../../src/core/ports.ts'
import type { Machine } from './machine.ts'
import type { SimulatedServer } from './server.ts'

/** One request with all that comes of it. */
export class Exchange {
  /** The copies of the request that the server got, and how each of them hears that the client has hung up. */
  readonly arrivals: { readonly epoch: number; readonly gone: AbortController }[] = []
  hasHungUp = false
  readonly id: number
  readonly machine: Machine
  readonly request: WireRequest
  readonly server: SimulatedServer

  constructor(id: number, machine: Machine, request: WireRequest, server: SimulatedServer) {
    this.id = id
    this.machine = machine
    this.request = request
    this.server = server
  }

  /** A copy arrives at the process of this epoch; returns what aborts when the client has hung up. */
  arrive(epoch: number): AbortSignal {
    const gone = new AbortController()
    if (this.hasHungUp) gone.abort()
    this.arrivals.push({ epoch, gone })
    return gone.signal
  }

  /** The news that the client has hung up arrives; a process knows only of the requests that it has got itself. */
  hangUp(epoch: number): void {
    this.hasHungUp = true
    for (const arrival of this.arrivals) if (arrival.epoch === epoch) arrival.gone.abort()
  }
}
