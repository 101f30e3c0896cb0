import { afterAll } from 'vitest'
import { type Lease, Lockable } from '../../src/index.ts'

export interface Grant {
  readonly lease: Lease
  /** Wall-clock ms. */
  readonly wall: number
}

/** Another client of the same server, in this process, which is never frozen and never offline. */
export class Rival {
  readonly #client: Lockable

  /** One that is closed when the test file is over. */
  constructor(url: string, authToken: string) {
    this.#client = new Lockable({ url, authToken })
    afterAll(() => this.#client.close())
  }

  /** Waits in the queue until it gets the lock. */
  async acquire(name: string): Promise<Grant> {
    const lease = await this.#client.acquire(name)
    return { lease, wall: Date.now() }
  }

  /** Queues for the lock; resolves when the server has noted that, to a function that waits for the grant. */
  async queue(name: string): Promise<() => Promise<Grant>> {
    const waits = new Promise<void>((resolve) => {
      const unsubscribe = this.#client.subscribe((event) => {
        if (event.type !== 'acquire.waiting' || event.name !== name) return
        unsubscribe()
        resolve()
      })
    })
    const grant = this.acquire(name)
    await Promise.race([waits, grant.then(() => Promise.reject(new Error(`Nobody held ${name}.`)))])
    return () => grant
  }

  /** Whether somebody holds the lock. */
  async isHeld(name: string): Promise<boolean> {
    const { state } = await this.#client.status(name)
    return state === 'held'
  }
}
