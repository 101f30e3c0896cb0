import type { WholeRequest } from './request-framer.ts'

/** Says which requests something is to happen to. They are told apart by what they do, whatever endpoint carries it. */
export type Matcher = (request: WholeRequest) => boolean

export const anyRequest: Matcher = () => true

/** A request that asks for a lock, alone or among the commands of a session. */
export const carriesAcquire: Matcher = (request) =>
  request.path.startsWith('/v1/acquire/') || operations(request).includes('acquire')

/** A request that does nothing but renew, one lock or a session. */
export const isHeartbeat: Matcher = ({ path }) => path.startsWith('/v1/heartbeat/') || path === '/v1/session/heartbeat'

/** A request that hands a lock back, alone, among the commands of a session, or with all of a session. */
export const carriesRelease: Matcher = (request) =>
  request.path.startsWith('/v1/release/') ||
  request.path === '/v1/session/release' ||
  operations(request).includes('release')

/** A request for news of sessions that wait. */
export const isStream: Matcher = ({ path }) => path === '/v1/session/stream'

/** A request with the commands of a session, be they none: so who waits asks how it stands. */
export const carriesCommands: Matcher = ({ path }) => path === '/v1/session/commands'

function operations({ path, body }: WholeRequest): string[] {
  if (path !== '/v1/session/commands') return []
  const { commands } = body as { readonly commands: readonly { readonly op: string }[] }
  return commands.map(({ op }) => op)
}
