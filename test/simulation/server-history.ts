/** What must be true over all restarts of a server. */
export class ServerHistory {
  /** How many grants there were. */
  grants = 0
  /** How many sessions were opened. */
  sessions = 0
  /** Whose request the server takes right now; `null`: nobody's, or nobody knows. */
  sender: string | null = null
  readonly #lastTokens = new Map<string, number>()
  readonly #robbed = new Set<number>()

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

  /** The largest token of this name so far. */
  lastToken(name: string): number {
    return this.#lastTokens.get(name) ?? 0
  }

  /** The holder with this token lost the lock to `steal: 'now'`, and may believe until its deadline. */
  rob(fencingToken: number): void {
    this.#robbed.add(fencingToken)
  }

  isRobbed(fencingToken: number): boolean {
    return this.#robbed.has(fencingToken)
  }
}
