import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../simulation/random.ts'
import type { ClientProcess } from './client-process.ts'
import type { Fault } from './fault.ts'
import { FaultProxy } from './fault-proxy.ts'
import { anyRequest } from './requests.ts'

/** What can happen to a client and to its network, besides what its single requests suffer. */
export type Trouble = 'stop' | 'kill' | 'black-hole' | 'refuse'

/** The part of all requests that something happens to. */
const FAULT_PROBABILITY = 0.04
/** ms; longer and shorter than a client waits for an answer. */
const DELAY_MS = { least: 20, most: 1_200 }

/** A place for clients that live in trouble: one after the other, behind the same bad network. */
export class TroubledClient {
  readonly #proxy: FaultProxy
  readonly #start: (url: string) => ClientProcess
  #client: ClientProcess
  #calm = false

  private constructor(proxy: FaultProxy, random: Random, start: (url: string) => ClientProcess) {
    this.#proxy = proxy
    this.#start = start
    this.#client = start(proxy.url)
    const fault = () => (this.#calm ? null : randomFault(random))
    void proxy.fault(anyRequest, fault, Number.POSITIVE_INFINITY)
  }

  /** @param start starts a client of the server at this address. */
  static async begin(target: string, random: Random, start: (url: string) => ClientProcess): Promise<TroubledClient> {
    return new TroubledClient(await FaultProxy.listen(target), random, start)
  }

  /** The process that runs now. */
  async id(): Promise<number> {
    return (await this.#client.told('begun')).who
  }

  /** Resolves when the trouble has passed; it lasts `ms` if it is of a kind that lasts. */
  async suffer(trouble: Trouble, ms: number): Promise<void> {
    const client = this.#client
    switch (trouble) {
      case 'stop':
        await client.stop()
        await sleep(ms)
        return client.resume()
      case 'kill':
        await client.kill()
        this.#client = this.#start(this.#proxy.url)
        return
      case 'black-hole':
        this.#proxy.blackHole()
        await sleep(ms)
        return this.#proxy.heal()
      case 'refuse':
        await this.#proxy.refuse()
        await sleep(ms)
        return this.#proxy.heal()
    }
  }

  /** Lets the last client come to its end, which it must do by itself. */
  async end(): Promise<void> {
    this.#calm = true
    this.#client.go()
    await this.#client.tale()
  }
}

function randomFault(random: Random): Fault | null {
  if (!random.chance(FAULT_PROBABILITY)) return null
  const until = sleep(random.between(DELAY_MS.least, DELAY_MS.most))
  return random.pick<Fault>([
    { kind: 'reset' },
    { kind: 'half-open' },
    { kind: 'cut-reply' },
    { kind: 'swallow-reply' },
    { kind: 'hold-reply', until },
    { kind: 'hold-request', until },
  ])
}
