import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type LockServer, serve } from '../server/node.ts'
import { DEFAULT_LEASE, isOpenServer } from '../server/options.ts'
import type { Environment } from './flags.ts'
import { observeServer, openLog } from './observe.ts'
import type { Log } from './observe-log.ts'
import { type OpenedStore, openStore } from './open-store.ts'
import { type OpenedCredentials, openCredentials } from './serve-credentials.ts'
import { TOKENS_VARIABLE } from './serve-flags.ts'
import { readServeCommand, type ServeCommand } from './serve-settings.ts'

/** Requests under way get this long, so that the process is gone within 10 s of the signal. */
const CLOSE_TIMEOUT_MS = 8_000

/** Runs `lockable serve` until a signal ends it, and resolves to the exit code. Rejects if it cannot start. */
export async function runServeCommand(args: readonly string[], env: Environment): Promise<number> {
  const { printout, ...command } = readServeCommand(args, env)
  if (printout === undefined) await runServer(command)
  else process.stdout.write(printout)
  return 0
}

async function runServer(command: ServeCommand): Promise<void> {
  const log = openLog(command)
  const credentials = openCredentials(command, (error) =>
    log.error(`the tokens stay as they were. ${messageOf(error)}`),
  )
  const store = await openStore(command.storeAddress, {
    ...command,
    onError: (what, error) => log.error(`${what}. ${messageOf(error)}`),
  })
  try {
    await serveFrom(store, command, credentials, log)
  } finally {
    credentials.close()
    await store.close()
  }
  if (store.lastToken > 0)
    log.info(`the last fencing token was ${store.lastToken}; a store in place of this one takes it as --token-floor.`)
}

async function serveFrom(
  store: OpenedStore,
  command: ServeCommand,
  credentials: OpenedCredentials,
  log: Log,
): Promise<void> {
  const { storeAddress: _address, mark: _mark, grace: _grace, tokenFloor: _floor, ...options } = command
  const observation = await observeServer(command, store, log)
  try {
    const server = await serve({
      ...options,
      ...credentials.options,
      ...observation.options,
      store,
      // This process is nothing but the server.
      overrideGlobalObjects: true,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
    })
    for (const warning of warnings({ ...command, ...credentials.options }, server, store)) log.warn(warning)
    observation.started(server)
    const signalled = firstSignal()
    process.stdout.write(`lockable listening on ${server.url}\n`)
    observation.stopping(await signalled)
    await server.close()
  } finally {
    await observation.close()
  }
}

/** Resolves on SIGTERM or SIGINT. A second one ends the process at once, as it does where nobody listens. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals) => {
      process.off('SIGTERM', end)
      process.off('SIGINT', end)
      resolve(signal)
    }
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
  })
}

function warnings({ lease, ...command }: ServeCommand, { url }: LockServer, store: OpenedStore): string[] {
  const { classicMs, maxMs } = { ...DEFAULT_LEASE, ...lease }
  const found: string[] = []
  if (isOpenServer(command)) {
    found.push(`no tokens are set (${TOKENS_VARIABLE}), so everybody who can reach ${url} can take and free locks.`)
  }
  if (classicMs < CLASSIC_LEASE_MS) {
    found.push(
      `--classic-lease is ${classicMs} ms, but classic clients assume ${CLASSIC_LEASE_MS} ms and may believe in a lock that has passed on.`,
    )
  }
  return [...found, ...restartWarnings(command, store, maxMs)]
}

function restartWarnings(
  { mark, grace = 0 }: ServeCommand,
  { traits, graceMs = 0 }: OpenedStore,
  longestMs: number,
): string[] {
  if (traits.durable) return []
  if (mark !== undefined) {
    return graceMs > 0 ? [`nothing is granted for ${describe(graceMs)}, since leases from before may still run.`] : []
  }
  if (grace === 0) {
    return [
      'locks live in memory and are forgotten on a restart, while their holders go on: with --mark FILE the next start waits for them, and --store file:FOLDER keeps them.',
    ]
  }
  if (grace >= longestMs) return []
  return [`--grace of ${grace} ms does not cover the longest lease of ${longestMs} ms that may be held at a restart.`]
}

/** `ms` in whole seconds, and in the other units where they say more. */
function describe(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
