import { createApp } from './app.ts'
import type { Caller } from './auth/authenticate.ts'
import { followRevocations } from './auth/revocations.ts'
import { createClassic } from './classic.ts'
import { errorReply } from './http/reply.ts'
import { createLocks } from './locks.ts'
import { Readiness } from './observe/readiness.ts'
import { Routes, requestTeller } from './observe/requests.ts'
import { type HandlerOptions, resolveOptions } from './options.ts'
import { Parking } from './owned/parking.ts'
import { createOwned } from './owned.ts'
import { createSessions } from './sessions.ts'

/** A lock server as a function. */
export interface LockHandler {
  /** Answers one request, and never rejects. `caller` is what the runtime knows of who sent it. */
  fetch(request: Request, caller?: Caller | object): Promise<Response>
  /**
   * Lets waiting requests go with the reason `shutdown`, ends streams, and grants nothing any more; `/readyz` says so.
   * Heartbeats and releases are served as before. Comes before {@link LockHandler.close}, which does it too, where those
   * who send requests need time to turn to another server.
   */
  drain(): void
  /**
   * Does what {@link LockHandler.drain} does, and resolves when all
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
  const { store, clock, lease, limiters, maxWaitMs, observer } = settings
  const observe = observer ?? (() => undefined)
  const parking = new Parking(clock, (count) => observe({ kind: 'parked', count }))
  const unobserve = (observer && store.observe?.(observer)) ?? (() => undefined)
  const unfollow = followRevocations(settings)
  const unwatch = store.watch((changed) => parking.wake(changed))
  const classic = createClassic({ store, leaseMs: lease.classicMs, isClosing: () => parking.isClosed })
  const owned = createOwned({ store, clock, parking, lease, maxWaitMs, observe })
  const sessions = createSessions({ store, clock, parking, lease, limiters, observe })
  const locks = createLocks({ store, clock, parking })
  const readiness = new Readiness({ store, clock, isDraining: () => parking.isClosed })
  const app = createApp(settings, { classic, owned, sessions, locks, readiness })
  const tellRequest = observer && requestTeller(new Routes(app), clock, observer)
  const answering = new Set<Promise<Response>>()
  return {
    fetch(request, caller) {
      const response = answer(request, caller)
      answering.add(response)
      return response.finally(() => answering.delete(response))
    },
    drain: () => parking.close(),
    async close() {
      parking.close()
      while (answering.size > 0) await Promise.allSettled(answering)
      unwatch()
      unobserve()
      unfollow()
      if (settings.ownsStore) await store.close()
    },
  }

  async function answer(request: Request, caller: object = {}): Promise<Response> {
    const startedAt = clock.now()
    const response = await respond(request, caller)
    tellRequest?.(request, response.status, startedAt)
    return response
  }

  async function respond(request: Request, caller: object): Promise<Response> {
    try {
      return await app.fetch(request, caller)
    } catch (error) {
      return errorReply(error, (cause) => settings.report(cause, `${request.method} other`))
    }
  }
}
