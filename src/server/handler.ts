import { createApp } from './app.ts'
import { createClassic } from './classic.ts'
import { errorReply } from './http/reply.ts'
import { type HandlerOptions, resolveOptions } from './options.ts'
import { Parking } from './owned/parking.ts'
import { createOwned } from './owned.ts'
import { createSessions } from './sessions.ts'

/** A lock server as a function. */
export interface LockHandler {
  /** Answers one request, and never rejects. */
  fetch(request: Request): Promise<Response>
  /**
   * Lets waiting requests go with the reason `shutdown`, ends streams, grants nothing any more, and resolves when all
   * requests have been answered. Locks are not released. Later requests to the default store are answered 503.
   */
  close(): Promise<void>
}

/**
 * A lock server for any runtime that has `Request` and `Response`.
 *
 * Throws a `TypeError` that names the option that is wrong.
 */
export function createHandler(options: HandlerOptions = {}): LockHandler {
  const settings = resolveOptions(options)
  const { store, clock, lease, maxWaitMs } = settings
  const parking = new Parking(clock)
  const unwatch = store.watch((changed) => parking.wake(changed))
  const classic = createClassic({ store, leaseMs: lease.classicMs, isClosing: () => parking.isClosed })
  const owned = createOwned({ store, clock, parking, lease, maxWaitMs })
  const sessions = createSessions({ store, clock, parking, lease })
  const app = createApp(settings, { classic, owned, sessions })
  const answering = new Set<Promise<Response>>()
  return {
    fetch(request) {
      const response = answer(request)
      answering.add(response)
      return response.finally(() => answering.delete(response))
    },
    async close() {
      parking.close()
      while (answering.size > 0) await Promise.allSettled(answering)
      unwatch()
      if (settings.ownsStore) await store.close()
    },
  }

  async function answer(request: Request): Promise<Response> {
    try {
      return await app.fetch(request)
    } catch (error) {
      return errorReply(error, settings.onError)
    }
  }
}
