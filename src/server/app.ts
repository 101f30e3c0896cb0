import { type Context, type Handler, Hono } from 'hono'
import { API_ROOT, SESSION_PATHS } from '../protocol/paths.ts'
import { MAX_COMMANDS_BYTES } from '../protocol/session.ts'
import type { ClassicReply } from '../protocol/wire.ts'
import type { Classic, Owned } from './dialects.ts'
import { readJson } from './http/body.ts'
import { eventStream } from './http/event-stream.ts'
import { crossOrigin, guard } from './http/middleware.ts'
import { nameInPath, rawPath } from './http/path.ts'
import { ProblemError, quote } from './http/problem-error.ts'
import { errorReply, jsonReply } from './http/reply.ts'
import type { Settings } from './options.ts'
import { serviceReply } from './service-info.ts'
import type { Tell } from './sessions/stream.ts'
import type { Sessions } from './sessions.ts'
import { statusReply } from './status.ts'
import type { LockRef } from './store.ts'

const OPERATIONS = ['acquire', 'heartbeat', 'release'] as const

/** What requests are handed to once their address, their method and their body have been read. */
export interface Dialects {
  readonly classic: Classic
  readonly owned: Owned
  readonly sessions: Sessions
}

/** The routes, with what stands in front of them. */
export function createApp(settings: Settings, { classic, owned, sessions }: Dialects): Hono {
  const { store, origins, clock, onError } = settings
  // Routed by the raw path: Hono's own decoding would make one name of "100%" and "100%25".
  const app = new Hono({ getPath: (request) => rawPath(request.url) })
  app.onError((error) => errorReply(error, onError))
  app.notFound((c) => {
    throw notFound(c)
  })
  app.use(guard(settings))
  if (origins.length > 0) app.use(crossOrigin(origins))

  app.all(
    '/healthz',
    getOnly(() => jsonReply({ status: 'ok' })),
  )
  app.all(
    API_ROOT,
    getOnly(() => jsonReply(serviceReply(settings))),
  )
  app.all(
    `${API_ROOT}/status/*`,
    getOnly(async (c) => {
      const lock = await lockOf(c, 'status')
      return jsonReply(statusReply(await store.inspect(lock)))
    }),
  )
  for (const operation of OPERATIONS) {
    app.all(`${API_ROOT}/${operation}/*`, async (c) => {
      const { raw } = c.req
      if (raw.method === 'GET') {
        const reply: ClassicReply = { response: await classic[operation](await lockOf(c, operation)) }
        return jsonReply(reply)
      }
      if (raw.method !== 'POST') throw methodNotAllowed(raw.method, 'GET, POST')
      const lock = await lockOf(c, operation)
      return jsonReply(await owned[operation](lock, await readJson(raw), raw.signal))
    })
  }
  app.all(
    SESSION_PATHS.commands,
    postOnly(async (raw) => {
      const access = await settings.authenticate(raw)
      return jsonReply(await sessions.commands(access, await readJson(raw, { limit: MAX_COMMANDS_BYTES })))
    }),
  )
  // Whoever knows the secret of a session may renew, follow and end it, whatever became of the token since.
  app.all(
    SESSION_PATHS.heartbeat,
    postOnly(async (raw) => jsonReply(await sessions.heartbeat(await readJson(raw)))),
  )
  app.all(
    SESSION_PATHS.release,
    postOnly(async (raw) => jsonReply(await sessions.release(await readJson(raw, { plain: true })))),
  )
  app.all(
    SESSION_PATHS.stream,
    postOnly(async (raw) => {
      const body = await readJson(raw)
      const run = (tell: Tell, signal: AbortSignal) => sessions.stream(body, tell, signal)
      return eventStream(run, { clock, onError, signal: raw.signal })
    }),
  )
  return app

  async function lockOf(c: Context, segment: string): Promise<LockRef> {
    const prefix = `${API_ROOT}/${segment}/`
    const path = rawPath(c.req.raw.url)
    // Hono's wildcard matches the path without it too.
    if (!path.startsWith(prefix)) throw notFound(c)
    const { namespace } = await settings.authenticate(c.req.raw)
    return { namespace, name: nameInPath(path, prefix) }
  }
}

/** A handler that answers `GET`, and `HEAD` with the same headers. */
function getOnly(handler: (c: Context) => Response | Promise<Response>): Handler {
  return (c) => {
    const { method } = c.req.raw
    if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed(method, 'GET, HEAD')
    return handler(c)
  }
}

/** A handler that answers `POST`. */
function postOnly(handler: (request: Request) => Promise<Response>): Handler {
  return (c) => {
    const { raw } = c.req
    if (raw.method !== 'POST') throw methodNotAllowed(raw.method, 'POST')
    return handler(raw)
  }
}

function methodNotAllowed(method: string, allowed: string): ProblemError {
  return new ProblemError('method-not-allowed', `${quote(method)} does nothing here: use ${allowed}.`, {
    Allow: allowed,
  })
}

function notFound(c: Context): ProblemError {
  const path = rawPath(c.req.raw.url)
  return new ProblemError('not-found', `There is nothing at ${quote(path)}: the API is below ${API_ROOT}/.`)
}
