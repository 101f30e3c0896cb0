import type { Lease, Lockable } from '../index.ts'
import type { Manner } from './attempt.ts'
import { markHandled } from './callbacks.ts'
import type { LockHandle, Participant } from './lock-handle.ts'
import { lockHandle } from './lock-handles.ts'
import type { UseLockOptions } from './lock-options.ts'
import type { LockActions } from './lock-result.ts'

/** One component's part in its lock: it lives as long as the component, whichever lock that uses. */
export class Participation implements Participant {
  /** They stay the same, so that they can be passed on and left out of dependencies. */
  readonly actions: LockActions = {
    acquire: () => this.#acquire('in-turn'),
    takeOver: () => this.#acquire('take-over'),
    release: () => this.#handle()?.release() ?? Promise.resolve(false),
  }
  #client: Lockable | null = null
  #name: string | null = null
  #options: UseLockOptions = {}

  get options(): UseLockOptions {
    return this.#options
  }

  /** Called with each commit. */
  update(client: Lockable, name: string | null, options: UseLockOptions): void {
    this.#client = client
    this.#name = name
    this.#options = options
  }

  /** Takes part in the lock; returns the way to leave. */
  join(client: Lockable, name: string, wants: boolean): () => void {
    return lockHandle(client, name).join(this, wants)
  }

  #acquire(manner: Manner): Promise<Lease> {
    const handle = this.#handle()
    if (handle !== null) return handle.acquire(this, manner)
    return markHandled(Promise.reject(new Error('There is no lock to acquire: give useLock a name instead of null.')))
  }

  #handle(): LockHandle | null {
    return this.#client === null || this.#name === null ? null : lockHandle(this.#client, this.#name)
  }
}
