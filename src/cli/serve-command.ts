import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type LockServer, type ServeOptions, serve } from '../server/node.ts'
import { DEFAULT_LEASE } from '../server/options.ts'
import { TOKENS_VARIABLE } from './serve-flags.ts'

/** Requests under way get this long, so that the process is gone within 10 s of the signal. */
const CLOSE_TIMEOUT_MS = 8_000

/** Runs the server until a signal ends it. Rejects if it cannot start. */
export async function runServer(options: ServeOptions): Promise<void> {
  const server = await serve({
    ...options,
    // This process is nothing but the server.
    overrideGlobalObjects: true,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    onError: (error) => warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  })
  for (const warning of warnings(options, server)) warn(`warning: ${warning}`)
  const signalled = firstSignal()
  process.stdout.write(`lockable listening on ${server.url}\n`)
  await signalled
  await server.close()
}

/** Resolves on SIGTERM or SIGINT. A second one ends the process at once, as it does where nobody listens. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      process.off('SIGTERM', end)
      process.off('SIGINT', end)
      resolve()
    }
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
  })
}

function warnings({ tokens, lease, grace = 0 }: ServeOptions, { url }: LockServer): string[] {
  const { classicMs, maxMs } = { ...DEFAULT_LEASE, ...lease }
  const found: string[] = []
  if (tokens === undefined) {
    found.push(`no tokens are set (${TOKENS_VARIABLE}), so everybody who can reach ${url} can take and free locks.`)
  }
  if (classicMs < CLASSIC_LEASE_MS) {
    found.push(
      `--classic-lease is ${classicMs} ms, but classic clients assume ${CLASSIC_LEASE_MS} ms and may believe in a lock that has passed on.`,
    )
  }
  if (grace === 0) {
    found.push(
      'locks live in memory and are forgotten on a restart, while their holders go on: --grace makes the next start wait.',
    )
  } else if (grace < maxMs) {
    found.push(`--grace of ${grace} ms does not cover the longest lease of ${maxMs} ms that may be held at a restart.`)
  }
  return found
}

function warn(text: string): void {
  process.stderr.write(`lockable: ${text}\n`)
}
