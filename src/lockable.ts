import { LockClient } from './core/client.ts'
import { Lock as CoreLock } from './core/lock.ts'
import type { LockableOptions, LockOptions } from './core/types.ts'
import { platformRuntime } from './runtime.ts'

/**
 * A client of one lock server, for any number of locks.
 *
 * ```ts
 * const lockable = new Lockable({ url: 'http://127.0.0.1:5625' })
 * await lockable.request('my-lock-name', async (lease) => doStuff({ signal: lease.signal }))
 * ```
 */
export class Lockable extends LockClient {
  /** @throws InvalidArgumentError that quotes the option that cannot be meant. */
  constructor(options: LockableOptions = {}) {
    super(options, platformRuntime(options))
  }

  /** A lock of this client. @throws InvalidArgumentError for a name or an option that cannot be meant. */
  override lock(name: string, options: LockOptions = {}): Lock {
    return new Lock(name, options, this)
  }
}

/**
 * A name and how to acquire it; reusable, and not reentrant: one `Lock` waits or holds once at a time.
 *
 * ```ts
 * await new Lock('my-lock-name').run(async (lease) => doStuff({ signal: lease.signal }))
 * ```
 */
export class Lock extends CoreLock {
  /**
   * @param client default: one for all, made on first use, with its url and token from the environment.
   * @throws InvalidArgumentError for a name or an option that cannot be meant.
   */
  constructor(name: string, options: LockOptions = {}, client: LockClient = defaultClient()) {
    super(name, options, client)
  }
}

let sharedClient: Lockable | null = null

function defaultClient(): Lockable {
  sharedClient ??= new Lockable()
  return sharedClient
}
