/** What must be true over all restarts of a server. */
export class ServerHistory {
  /** How many grants there were. */
  grants = 0
  /** How many sessions were opened. */
  sessions = 0
  /** Whose request the server takes right now; `null`: nobody's, or nobody knows. */
  sender: string | null = null
  /** Whose page was left. It releases at once, so that a classic heartbeat that is on its way may come after. */
  readonly left = new Set<string>()
  readonly #lastTokens = new Map<string, number>()
  readonly #robbed = new Map<number, number>()
  readonly #promised = new Map<string, () => number>()

  /** Runs `task`, of which only what happens at once is done for `sender`. */
  asSender<Result>(sender: string, task: () => Result): Result {
    this.sender = sender
    try {
      return task()
    } finally {
      this.sender = null
    }
  }

  granted(name: string, fencingToken: number): void {
    this.grants += 1
    this.#lastTokens.set(name, Math.max(fencingToken, this.lastToken(name)))
  }

  /** No token larger than `last` was ever told to anybody: the store that gave it went down before. */
  forgetTokens(last: number): void {
    for (const [name, token] of this.#lastTokens) this.#lastTokens.set(name, Math.min(token, last))
  }

  /** The largest token of this name so far. */
  lastToken(name: string): number {
    return this.#lastTokens.get(name) ?? 0
  }

  /** The holder with this token lost the lock to `steal: 'now'`, and may believe until its deadline, in true ms. */
  rob(name: string, fencingToken: number, until: number): void {
    this.#robbed.set(fencingToken, until)
    this.promised(name, fencingToken, () => until)
  }

  /** Until when the holder with this token may believe beside others; `null`: it was not robbed. */
  robbedUntil(fencingToken: number): number | null {
    return this.#robbed.get(fencingToken) ?? null
  }

  /** The grant with this token is promised for so long: `until` tells the true ms of its end, as far as is known by then. */
  promised(name: string, fencingToken: number, until: () => number): void {
    this.#promised.set(`${name}\0${fencingToken}`, until)
  }

  /** `null`: nothing was ever promised. */
  promisedUntil(name: string, fencingToken: number): number | null {
    return this.#promised.get(`${name}\0${fencingToken}`)?.() ?? null
  }
}
