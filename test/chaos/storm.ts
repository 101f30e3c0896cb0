import { setTimeout as sleep } from 'node:timers/promises'
import { Contender } from '../processes/contender.ts'
import { GuardedResource } from '../processes/guarded-resource.ts'
import { now } from '../processes/shared-clock.ts'
import { together } from '../processes/together.ts'
import { Random } from '../simulation/random.ts'
import { LockServer } from './lock-server.ts'
import { timeToGrant } from './probe.ts'
import type { StoreUnderTest } from './store-under-test.ts'
import { StormClient, type Trouble } from './storm-client.ts'
import { Tally } from './tally.ts'
import type { Workplace } from './workplace.ts'

export interface StormOptions {
  readonly seconds: number
  readonly seed: number
  readonly servers: number
  readonly clients: number
  /** How many locks they contend for at a time. */
  readonly locks: number
  /** Clients go on as if they held when they do not: broken on purpose. */
  readonly overstays: boolean
}

/** A lock has another name after a while, so that what happened to one can be searched as a whole. */
const NAME_LIFE_MS = 4_000
/** Of each third client the locks have leases of their own; of the others they live in sessions, two at a time. */
const LANES = 2
const SERVER_CALM_MS = { least: 500, most: 2_500 }
const ENGINE_CALM_MS = { least: 2_000, most: 6_000 }
/** In leases. */
const CLIENT_CALM = { least: 0.5, most: 4 }
/** For a client to hold a lock, which is the best moment for trouble. */
const LURK_MS = 600
/** In leases. */
const TROUBLE = { least: 0.2, most: 2 }
/** How long a server is away that is killed. */
const OUTAGES_MS = [0, 0, 100, 1_000]
const AMBUSH_MS = 400
/** Within this everybody is granted who waits, also behind a queue of the dead. */
const BOUND_MS = 20_000
/** The more often one stands here, the more often it comes. */
const TROUBLES: readonly Trouble[] = ['stop', 'stop', 'stop', 'kill', 'kill', 'black-hole', 'black-hole', 'refuse']
const SERVER_FAULTS = [
  'killed',
  'killed between commit and reply',
  'killed with a request under way',
  'stopped',
  'terminated',
] as const
type ServerFault = (typeof SERVER_FAULTS)[number]

interface Span {
  readonly least: number
  readonly most: number
}

/** Many clients and some servers, to which all sorts of things happen at random moments until the time is up. */
export class Storm {
  readonly tally = new Tally()
  readonly log: string
  readonly #workplace: Workplace
  readonly #store: StoreUnderTest
  readonly #options: StormOptions
  readonly #random: Random
  readonly #names: readonly string[]
  readonly #servers: LockServer[] = []
  readonly #clients: StormClient[] = []
  #until = 0

  constructor(workplace: Workplace, store: StoreUnderTest, options: StormOptions) {
    this.#workplace = workplace
    this.#store = store
    this.#options = options
    this.#random = new Random(options.seed)
    this.#names = Array.from({ length: options.locks }, (_, index) => `lock-${index}`)
    this.log = workplace.path('tale.jsonl')
  }

  /** Resolves when it is over and everybody has come to an end, to the resource that they wrote to. */
  async run(): Promise<GuardedResource> {
    const resource = await GuardedResource.listen()
    try {
      await this.#begin(resource)
      this.#until = now() + this.#options.seconds * 1_000
      await together([
        ...this.#clients.map((client, index) => this.#trouble(client, resource, this.#random.fork(index))),
        ...this.#servers.map((server, index) => this.#breakServer(server, this.#random.fork(1_000 + index))),
        this.#breakEngine(this.#random.fork(2_000)),
      ])
      await this.#end()
    } catch (error) {
      // What happened until then is judged nevertheless.
      this.tally.troubles.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    } finally {
      await Promise.all([...this.#clients, ...this.#servers].map((each) => each.kill()))
      await resource.close()
    }
    return resource
  }

  async #begin({ url: resourceUrl }: GuardedResource): Promise<void> {
    const { servers, clients, overstays } = this.#options
    const count = Math.min(servers, this.#store.mostServers)
    for (let index = 0; index < count; index += 1) {
      this.#servers.push(await LockServer.start(this.#workplace, `server-${index}`, this.#store))
    }
    const { log, tally } = this
    const shared = {
      resourceUrl,
      log,
      leaseMs: this.#store.leaseMs,
      names: this.#names,
      epochMs: NAME_LIFE_MS,
      overstays,
    }
    for (let index = 0; index < clients; index += 1) {
      const own = index % 3 === 2 ? { kind: 'single', lanes: 1 } : { kind: 'session', lanes: LANES }
      const random = this.#random.fork(3_000 + index)
      const options = {
        workplace: this.#workplace,
        name: `client-${index}`,
        tally,
        random,
        program: { ...shared, ...own },
      }
      this.#clients.push(await StormClient.begin(options, this.#serverAt(index)))
    }
  }

  #serverAt(index: number): LockServer {
    const server = this.#servers[index % this.#servers.length]
    if (server === undefined) throw new Error('A storm needs a server.')
    return server
  }

  async #trouble(client: StormClient, resource: GuardedResource, random: Random): Promise<void> {
    const troubles = this.#servers.length > 1 ? [...TROUBLES, 'move' as const] : TROUBLES
    while (await this.#goesOn(random, this.#leases(CLIENT_CALM))) {
      await Promise.race([resource.nextWriteOf(client.pid), sleep(LURK_MS)])
      await client.suffer(random.pick(troubles), drawn(random, this.#leases(TROUBLE)), this.#servers)
    }
  }

  async #breakServer(server: LockServer, random: Random): Promise<void> {
    while (await this.#goesOn(random, SERVER_CALM_MS)) {
      const fault = await this.#harm(server, random.pick(SERVER_FAULTS), random)
      if (fault === null) continue
      this.tally.count(`server: ${fault}`)
      if (server.isRunning) continue
      await sleep(random.pick(OUTAGES_MS))
      const granted = timeToGrant(server.url)
      await server.revive()
      this.tally.recovered('server', await granted, `${server.name} ${fault}`)
    }
  }

  /** Resolves to what was done; `null` if there was no moment for it. */
  async #harm(server: LockServer, fault: ServerFault, random: Random): Promise<ServerFault | null> {
    switch (fault) {
      case 'stopped':
        await server.freeze(drawn(random, this.#leases(TROUBLE)))
        return fault
      case 'terminated':
        await server.terminate()
        return fault
      case 'killed':
        await server.kill()
        return fault
      case 'killed between commit and reply':
      case 'killed with a request under way':
        return this.#ambush(server, fault, random)
    }
  }

  async #ambush(server: LockServer, fault: ServerFault, random: Random): Promise<ServerFault | null> {
    const victims = this.#clients.filter((client) => client.server === server)
    const hit = victims.length === 0 ? null : await random.pick(victims).ambush(AMBUSH_MS)
    if (hit === null) return null
    const isUnderWay = fault === 'killed with a request under way'
    // What the proxy has heard the server reply is committed, and the client does not hear it.
    const reply = await Promise.race([isUnderWay ? sleep(random.between(0, 4), '') : hit.reply, sleep(AMBUSH_MS, '')])
    await server.kill()
    return reply === '' ? 'killed with a request under way' : fault
  }

  async #breakEngine(random: Random): Promise<void> {
    if (this.#store.faults.length === 0) return
    while (await this.#goesOn(random, ENGINE_CALM_MS)) {
      const { kind, suffer } = random.pick(this.#store.faults)
      this.tally.count(kind)
      let granted: Promise<number | null> = Promise.resolve(0)
      // At whichever server answers first: one of them may be away just now.
      await suffer(random, () => {
        granted = Promise.race(this.#servers.map(({ url }) => timeToGrant(url)))
      })
      this.tally.recovered('engine', await granted, kind)
    }
  }

  /** Resolves after a while to whether the storm is still on. */
  async #goesOn(random: Random, calm: Span): Promise<boolean> {
    const left = this.#until - now()
    await sleep(Math.max(0, Math.min(left, drawn(random, calm))))
    return now() < this.#until
  }

  /** A span of ms, from one of leases. */
  #leases({ least, most }: Span): Span {
    return { least: least * this.#store.leaseMs, most: most * this.#store.leaseMs }
  }

  async #end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()))
    const epoch = Math.floor(now() / NAME_LIFE_MS)
    for (const name of this.#names.flatMap((each) => [`${each}-${epoch - 1}`, `${each}-${epoch}`])) {
      const granted = await new Contender(this.#serverAt(0).url, name).acquire(BOUND_MS)
      if (granted === null) this.tally.troubles.push(`${name} was not granted within ${BOUND_MS} ms after the storm.`)
    }
    this.tally.troubles.push(...this.#servers.flatMap(({ troubles }) => troubles))
  }
}

function drawn(random: Random, { least, most }: Span): number {
  return random.between(least, most)
}
