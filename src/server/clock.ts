/** All that the server and its stores know of time; a simulator gives a virtual one. */
export interface ServerClock {
  /** Monotonic ms since an arbitrary origin: leases, tickets and waits are counted by it. */
  now(): number
  /** Wall-clock ms since 1970: fencing tokens start from it, nothing is ever timed by it. */
  wall(): number
  /**
   * Runs `fire` once, `ms` from now or later. Returns a function that cancels it, harmless once it has fired.
   *
   * It may run a little early (Node's timers do), so whoever is woken looks at `now()` before acting.
   */
  setTimer(fire: () => void, ms: number): () => void
}
