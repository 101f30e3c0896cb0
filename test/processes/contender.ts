import { randomBytes } from 'node:crypto'
import { now } from './shared-clock.ts'

const LEASE_MS = 20_000

/** What the server tells everybody about a lock. */
export interface Standing {
  readonly state: 'free' | 'held'
  readonly fencing_token: number | null
  readonly waiters: number
}

/** Somebody else who wants a lock, and asks the server itself: bare requests, with nothing of the client in between. */
export class Contender {
  readonly #url: string
  readonly #name: string
  readonly #owner = randomBytes(16).toString('base64url')

  constructor(url: string, name: string) {
    this.#url = url
    this.#name = name
  }

  /** Waits in the queue for `waitMs` at most; resolves to the grant, or to `null` if somebody else holds all the time. */
  async acquire(waitMs: number): Promise<{ readonly token: number; readonly at: number } | null> {
    const reply = await this.#ask('acquire', { lease_ms: LEASE_MS, wait_ms: waitMs })
    if (reply.response !== true) return null
    const at = now()
    // It may be a claim, which would be over in a few seconds.
    if (!(await this.holds())) throw new Error(`The grant of ${this.#name} was taken back at once.`)
    return { token: Number(reply.fencing_token), at }
  }

  /** Whether the server still has the lock for it; renews it, if so. */
  async holds(): Promise<boolean> {
    return (await this.#ask('heartbeat', {})).response === true
  }

  /** Hands the lock back, or leaves the queue. */
  async release(): Promise<void> {
    await this.#ask('release', {})
  }

  async standing(): Promise<Standing> {
    return (await fetch(`${this.#url}/v1/status/${this.#name}`)).json() as Promise<Standing>
  }

  async #ask(operation: string, members: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#url}/v1/${operation}/${this.#name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ owner: this.#owner, ...members }),
    })
    return (await response.json()) as Record<string, unknown>
  }
}
