import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuardedProcess } from '../engines/guarded-process.ts'
import type { Fault } from '../processes/fault.ts'
import { FaultProxy, type Hit } from '../processes/fault-proxy.ts'
import { anyRequest } from '../processes/requests.ts'
import type { Random } from '../simulation/random.ts'
import type { LockServer } from './lock-server.ts'
import type { Tally } from './tally.ts'
import type { Workplace } from './workplace.ts'

/** What can happen to a client and to its network, besides what its single requests suffer. */
export type Trouble = 'stop' | 'kill' | 'black-hole' | 'refuse' | 'move'

/** The part of all requests that something happens to. */
const FAULT_PROBABILITY = 0.04
/** ms; longer and shorter than a client waits for an answer. */
const DELAY_MS = { least: 20, most: 1_200 }
/** ms for all that a client hands back at its end. */
const END_MS = 30_000

export interface StormClientOptions {
  readonly workplace: Workplace
  readonly name: string
  readonly tally: Tally
  readonly random: Random
  /** What the program `contend` is told, besides its server. */
  readonly program: object
}

/** A place for clients that live in trouble: one after the other, behind the same bad network. */
export class StormClient {
  readonly #options: StormClientOptions
  readonly #proxy: FaultProxy
  #server: LockServer
  #process: GuardedProcess
  #isCalm = false

  private constructor(options: StormClientOptions, server: LockServer, proxy: FaultProxy) {
    this.#options = options
    this.#server = server
    this.#proxy = proxy
    this.#process = this.#start()
    const { random, tally } = options
    // Chance is in the matcher: where it does nothing, an ambush may.
    const isStruck = () => !this.#isCalm && random.chance(FAULT_PROBABILITY)
    const strike = () => {
      const fault = randomFault(random)
      tally.count(`network: ${fault.kind}`)
      return fault
    }
    void proxy.fault(isStruck, strike, Number.POSITIVE_INFINITY)
  }

  static async begin(options: StormClientOptions, server: LockServer): Promise<StormClient> {
    return new StormClient(options, server, await FaultProxy.listen(server.url))
  }

  /** The process that runs now. */
  get pid(): number {
    return this.#process.pid
  }

  get server(): LockServer {
    return this.#server
  }

  /**
   * Resolves with the next request that gets through, of which the reply is swallowed; `null` if none comes within
   * `ms`.
   */
  async ambush(ms: number): Promise<Hit | null> {
    let isOver = false
    const hit = this.#proxy.fault((request) => !isOver && anyRequest(request), { kind: 'swallow-reply' })
    const caught = await Promise.race([hit, sleep(ms, null)])
    isOver = true
    return caught
  }

  /** Resolves when the trouble has passed; it lasts `ms` if it is of a kind that lasts. */
  async suffer(trouble: Trouble, ms: number, servers: readonly LockServer[]): Promise<void> {
    this.#options.tally.count(`client: ${trouble}`)
    switch (trouble) {
      case 'stop':
        this.#process.signal('SIGSTOP')
        await sleep(ms)
        return this.#process.signal('SIGCONT')
      case 'kill':
        await this.#process.kill()
        this.#process = this.#start()
        return
      case 'black-hole':
        this.#proxy.blackHole()
        await sleep(ms)
        return this.#proxy.heal()
      case 'refuse':
        await this.#proxy.refuse()
        await sleep(ms)
        return this.#proxy.heal()
      case 'move':
        this.#server = this.#options.random.pick(servers)
        return this.#proxy.retarget(this.#server.url)
    }
  }

  /** Lets the last client come to its end, which it must do by itself and without a word. */
  async end(): Promise<void> {
    const { name, tally, workplace } = this.#options
    this.#isCalm = true
    this.#process.go()
    const code = await Promise.race([this.#process.ended(), sleep(END_MS, 'too late' as const, { ref: false })])
    const words = await readFile(workplace.path(`${name}.log`), 'utf8')
    if (code !== 0 || words !== '') tally.troubles.push(`${name} ended with ${code}: ${words}`)
  }

  /** It is gone for good, and its network with it. */
  async kill(): Promise<void> {
    await this.#process.kill()
    await this.#proxy.close()
  }

  #start(): GuardedProcess {
    const { workplace, name, program } = this.#options
    return workplace.program(`${name}.log`, 'contend', { url: this.#proxy.url, ...program })
  }
}

function randomFault(random: Random): Fault {
  const until = sleep(random.between(DELAY_MS.least, DELAY_MS.most))
  return random.pick<Fault>([
    { kind: 'reset' },
    { kind: 'half-open' },
    { kind: 'half-close' },
    { kind: 'cut-reply' },
    { kind: 'swallow-reply' },
    { kind: 'hold-reply', until },
    { kind: 'hold-request', until },
  ])
}
