import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { checkHost, checkLength, checkOrigin, checkPurpose } from './guards.ts'

export interface GuardOptions {
  /** Origins whose pages may call; `*` for all. */
  readonly origins: readonly string[]
  /** Host names besides loopback ones, or `null` for any. */
  readonly hosts: readonly string[] | null
}

/** Refuses what no client of ours sends, before anything is looked at. */
export function guard({ origins, hosts }: GuardOptions): MiddlewareHandler {
  return async (c, next) => {
    const { raw } = c.req
    checkLength(raw)
    if (hosts !== null) checkHost(raw, hosts)
    checkOrigin(raw, (origin) => isListed(origins, origin))
    checkPurpose(raw)
    await next()
  }
}

/** Tells browsers that pages of `origins` may call and read the replies. */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const answer = cors({
    origin: (origin) => (isListed(origins, origin) ? origin : null),
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['authorization', 'content-type', 'last-event-id'],
    exposeHeaders: ['retry-after'],
    maxAge: 7_200,
  })
  return (c, next) => {
    if (c.req.method === 'OPTIONS') c.header('Cache-Control', 'no-store')
    const origin = c.req.header('Origin') ?? ''
    // By which a page sees whether its requests share one HTTP/2 connection, so that each tab may park one of its own.
    if (isListed(origins, origin)) c.header('Timing-Allow-Origin', origin)
    return answer(c, next)
  }
}

function isListed(origins: readonly string[], origin: string): boolean {
  return origins.includes(origin) || (origins.includes('*') && origin !== '')
}
