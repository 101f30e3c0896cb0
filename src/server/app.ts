import { type Context, type Handler, Hono } from 'hono'
import { API_ROOT, LOCKS_PATH, SESSION_PATHS, WATCH_PATH } from '../protocol/paths.ts'
import { MAX_COMMANDS_BYTES, type SessionEvent } from '../protocol/session.ts'
import type { ClassicReply, WatchEvent } from '../protocol/wire.ts'
import type { Access } from './auth/access.ts'
import type { Caller } from './auth/authenticate.ts'
import type { Classic, Owned } from './dialects.ts'
import { readJson } from './http/body.ts'
import { callerGiven } from './http/caller.ts'
import { eventStream, type RunStream } from './http/event-stream.ts'
import { crossOrigin, guard } from './http/middleware.ts'
import { nameInPath, rawPath } from './http/path.ts'
import { ProblemError, quote } from './http/problem-error.ts'
import { queryOf } from './http/query.ts'
import { errorReply, jsonReply, textReply } from './http/reply.ts'
import type { Locks } from './locks.ts'
import type { Readiness } from './observe/readiness.ts'
import { Routes } from './observe/requests.ts'
import { StreamCount } from './observe/stream-count.ts'
import type { Settings } from './options.ts'
import { serviceReply } from './service-info.ts'
import type { Sessions } from './sessions.ts'
import { statusReply } from './status.ts'
import type { LockRef } from './store.ts'
import type { Tell } from './watch/rounds.ts'

const OPERATIONS = ['acquire', 'heartbeat', 'release'] as const

/** What requests are handed to once their address, their method and their body have been read. */
export interface Dialects {
  readonly classic: Classic
  readonly owned: Owned
  readonly sessions: Sessions
  readonly locks: Locks
  readonly readiness: Readiness
}

/** The routes, with what stands in front of them. */
export function createApp(settings: Settings, { classic, owned, sessions, locks, readiness }: Dialects): Hono {
  const { store, origins, clock, report, limiters, metrics } = settings
  const streams = new StreamCount(settings.observer ?? (() => undefined))
  // Routed by the raw path: Hono's own decoding would make one name of "100%" and "100%25".
  const app = new Hono({ getPath: (request) => rawPath(request.url) })
  const routes = new Routes(app)
  app.onError((error, c) => errorReply(error, (cause) => report(cause, requestOf(c))))
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
    '/readyz',
    getOnly(async () => {
      const reply = await readiness.look()
      return jsonReply(reply, reply.status === 'ready' ? 200 : 503)
    }),
  )
  let openApi: Promise<object> | null = null
  app.all(
    '/openapi.json',
    getOnly(async () => {
      openApi ??= describeApi(settings)
      return jsonReply(await openApi)
    }),
  )
  if (metrics !== null) {
    app.all(
      '/metrics',
      getOnly(async (c) => {
        const access = await accessOf(c, 'ask')
        access.check('inspect')
        const { contentType, text } = await metrics()
        return textReply(text, contentType)
      }),
    )
  }
  app.all(
    API_ROOT,
    getOnly(() => jsonReply(serviceReply(settings))),
  )
  app.all(
    `${API_ROOT}/status/*`,
    getOnly(async (c) => {
      const access = await accessOf(c, 'ask')
      const lock = lockOf(c, 'status', access)
      access.check('inspect', lock.name)
      return jsonReply(statusReply(await store.inspect(lock)))
    }),
  )
  app.all(
    LOCKS_PATH,
    getOnly(async (c) => jsonReply(await locks.list(await accessOf(c, 'ask'), queryOf(c.req.raw.url)))),
  )
  app.all(WATCH_PATH, async (c) => {
    const { raw } = c.req
    if (raw.method !== 'GET') throw methodNotAllowed(raw.method, 'GET')
    const caller = callerOf(c)
    const accessNow = () => settings.authenticator.authenticate(raw, caller)
    limiters.ask(await accessNow())
    const run = (tell: Tell<WatchEvent>, signal: AbortSignal) => locks.watch(accessNow, queryOf(raw.url), tell, signal)
    return streamOf(c, run)
  })
  app.all(
    `${API_ROOT}/force-release/*`,
    postOnly(async (raw, c) => {
      const access = await accessOf(c, 'ask')
      return jsonReply(await locks.forceRelease(access, lockOf(c, 'force-release', access), await readJson(raw)))
    }),
  )
  for (const operation of OPERATIONS) {
    app.all(`${API_ROOT}/${operation}/*`, async (c) => {
      const { raw } = c.req
      if (raw.method === 'GET') {
        const access = await accessOf(c, operation === 'acquire' ? 'ask' : 'keep')
        const reply: ClassicReply = { response: await classic[operation](lockOf(c, operation, access), access) }
        return jsonReply(reply)
      }
      if (raw.method !== 'POST') throw methodNotAllowed(raw.method, 'GET, POST')
      // Whoever knows an owner may renew and release it, whatever became of the token since.
      const access = operation === 'acquire' ? await accessOf(c, 'ask') : await keeperOf(c)
      const lock = lockOf(c, operation, access)
      return jsonReply(await owned[operation](lock, await readJson(raw), access, raw.signal))
    })
  }
  app.all(
    SESSION_PATHS.commands,
    postOnly(async (raw, c) => {
      // Whoever knows a session may release in it, whatever became of the token since.
      const access = await keeperOf(c)
      return jsonReply(await sessions.commands(access, await readJson(raw, { limit: MAX_COMMANDS_BYTES })))
    }),
  )
  // Whoever knows the secret of a session may renew, follow and end it, whatever became of the token since.
  app.all(
    SESSION_PATHS.heartbeat,
    postOnly(async (raw, c) => {
      limiters.keep(callerOf(c), null)
      return jsonReply(await sessions.heartbeat(await readJson(raw)))
    }),
  )
  app.all(
    SESSION_PATHS.release,
    postOnly(async (raw, c) => {
      limiters.keep(callerOf(c), null)
      return jsonReply(await sessions.release(await readJson(raw, { plain: true })))
    }),
  )
  app.all(
    SESSION_PATHS.stream,
    postOnly(async (raw, c) => {
      limiters.keep(callerOf(c), null)
      const body = await readJson(raw)
      const run = (tell: Tell<SessionEvent>, signal: AbortSignal) => sessions.stream(body, tell, signal)
      return streamOf(c, run)
    }),
  )
  return app

  /** What this request may do; its token must be good now. `ask` is counted against it, `keep` hardly. */
  async function accessOf(c: Context, kind: 'ask' | 'keep'): Promise<Access> {
    const caller = callerOf(c)
    const access = await settings.authenticator.authenticate(c.req.raw, caller)
    if (kind === 'ask') limiters.ask(access)
    else limiters.keep(caller, access)
    return access
  }

  /** Who knows an owner or a session, be it with a token that ran out or was revoked meanwhile. */
  async function keeperOf(c: Context): Promise<Access> {
    const caller = callerOf(c)
    const access = await settings.authenticator.identify(c.req.raw, caller)
    limiters.keep(caller, access)
    return access
  }

  function streamOf<Event extends { readonly id: string }>(c: Context, run: RunStream<Event>): Promise<Response> {
    return eventStream<Event>((tell, signal) => streams.during(() => run(tell, signal)), {
      clock,
      onError: (error) => report(error, requestOf(c)),
      signal: c.req.raw.signal,
    })
  }

  /** What is asked for, as a log may say it. */
  function requestOf({ req }: Context): string {
    return `${req.method} ${routes.of(rawPath(req.raw.url))}`
  }

  function lockOf(c: Context, segment: string, { namespace }: Access): LockRef {
    const prefix = `${API_ROOT}/${segment}/`
    const path = rawPath(c.req.raw.url)
    // Hono's wildcard matches the path without it too.
    if (!path.startsWith(prefix)) throw notFound(c)
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
function postOnly(handler: (request: Request, c: Context) => Promise<Response>): Handler {
  return (c) => {
    const { raw } = c.req
    if (raw.method !== 'POST') throw methodNotAllowed(raw.method, 'POST')
    return handler(raw, c)
  }
}

/** Who has connected, as far as the runtime tells. */
function callerOf(c: Context): Caller {
  return callerGiven(c.req.raw, c.env)
}

/** Made when somebody asks, so that nobody else pays for it. */
async function describeApi({ lease, isOpen, metrics }: Settings): Promise<object> {
  const { openApiDocument } = await import('./openapi/document.ts')
  return openApiDocument({ lease, hasTokens: !isOpen, hasMetrics: metrics !== null })
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
