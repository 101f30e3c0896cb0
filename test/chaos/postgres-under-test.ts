import { setTimeout as sleep } from 'node:timers/promises'
import { Postgres } from '../engines/postgres.ts'
import type { Random } from '../simulation/random.ts'
import { Relay } from './relay.ts'
import type { EngineFault, StoreUnderTest } from './store-under-test.ts'

const OUTAGE_MS = { least: 0, most: 1_500 }

/** A primary with a synchronous standby, which takes its place when it fails. */
export async function openPostgres(): Promise<StoreUnderTest> {
  const pair = await Pair.start()
  return {
    flags: ['--store', pair.url],
    leaseMs: 2_000,
    mostServers: Number.POSITIVE_INFINITY,
    mayForget: false,
    faults: pair.faults,
    stop: () => pair.stop(),
  }
}

class Pair {
  readonly faults: readonly EngineFault[] = [
    { kind: 'PostgreSQL: primary killed, standby promoted', suffer: (_random, isDown) => this.#failOver(isDown) },
    {
      kind: 'PostgreSQL: primary killed and restarted',
      suffer: (random, isDown) => killAndRestart(this.#primary, random, isDown),
    },
    {
      kind: 'PostgreSQL: standby killed, so that commits wait',
      suffer: (random, isDown) => killAndRestart(this.#standby, random, isDown),
    },
    { kind: 'PostgreSQL: primary restarted in good order', suffer: (_random, isDown) => this.#restart(isDown) },
  ]
  readonly #relay: Relay
  #primary: Postgres
  #standby: Postgres

  private constructor(relay: Relay, primary: Postgres, standby: Postgres) {
    this.#relay = relay
    this.#primary = primary
    this.#standby = standby
  }

  static async start(): Promise<Pair> {
    const primary = await Postgres.start()
    const standby = await primary.startStandby()
    return new Pair(await Relay.listen(primary.port), primary, standby)
  }

  /** Of whichever is the primary. */
  get url(): string {
    const url = new URL(this.#primary.url)
    url.port = String(this.#relay.port)
    return url.href
  }

  async stop(): Promise<void> {
    await Promise.all([this.#relay.close(), this.#primary.stop(), this.#standby.stop()])
  }

  async #failOver(isDown: () => void): Promise<void> {
    const old = this.#primary
    await old.kill()
    isDown()
    await this.#standby.promote()
    this.#primary = this.#standby
    this.#relay.retarget(this.#primary.port)
    this.#standby = await this.#primary.startStandby()
    await old.stop()
  }

  async #restart(isDown: () => void): Promise<void> {
    const restarted = this.#primary.restart()
    isDown()
    await restarted
  }
}

async function killAndRestart(server: Postgres, random: Random, isDown: () => void): Promise<void> {
  await server.kill()
  isDown()
  await sleep(random.between(OUTAGE_MS.least, OUTAGE_MS.most))
  await server.restart()
}
