import type { Random } from './random.ts'
import type { SimulatedServer } from './server.ts'

/** How often a request goes to a server that does not run, though others do: nobody knows that at once. */
const BLIND_CHANCE = 0.1

/** Which of several servers a request goes to, as behind a load balancer. */
export class Routes {
  readonly #servers: readonly SimulatedServer[]
  readonly #random: Random
  /** Whether each client stays with one server as long as that is up. */
  readonly #isSticky: boolean
  readonly #chosen = new Map<string, SimulatedServer>()

  constructor(servers: readonly SimulatedServer[], random: Random) {
    this.#servers = servers
    this.#random = random
    this.#isSticky = random.chance(0.3)
  }

  of(label: string): SimulatedServer {
    const [only, ...others] = this.#servers
    if (only !== undefined && others.length === 0) return only
    const up = this.#servers.filter(({ isUp }) => isUp)
    const among = up.length === 0 || this.#random.chance(BLIND_CHANCE) ? this.#servers : up
    const known = this.#chosen.get(label)
    if (this.#isSticky && known !== undefined && among.includes(known)) return known
    const chosen = this.#random.pick(among)
    this.#chosen.set(label, chosen)
    return chosen
  }
}
