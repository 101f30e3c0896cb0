import type { Connect } from 'vite'
import { type CapabilityKey, mintCapability } from '../src/server/index.ts'

/** Where the page asks for its capability. */
export const CAPABILITY_PATH = '/capability'

/**
 * What a backend does: it knows who is asking, and mints a capability for the locks that this user needs. A real one
 * takes the user from its own login; here everybody says who they are.
 */
export function capabilities(key: CapabilityKey): Connect.NextHandleFunction {
  return async (request, reply, next) => {
    try {
      const user = new URL(request.url ?? '/', 'http://localhost').searchParams.get('as') || 'somebody'
      reply.setHeader('Cache-Control', 'no-store').end(await capabilityOf(key, user))
    } catch (error) {
      next(error)
    }
  }
}

/** May take the locks of the demo, look at them, and take them over, for five minutes. */
export function capabilityOf(key: CapabilityKey, user: string): Promise<string> {
  return mintCapability({
    key,
    subject: user,
    prefixes: ['demo:'],
    rights: ['lock', 'inspect', 'watch', 'steal'],
    expiresInMs: 300_000,
  })
}
