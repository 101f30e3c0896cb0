import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { createFileStore, type LockServer, openMark, serve } from '../server/node.ts'
import { DEFAULT_LEASE } from '../server/options.ts'
import type { LockStore } from '../server/store.ts'
import { createMemoryStore } from '../server/stores/memory.ts'
import { type ServeCommand, TOKENS_VARIABLE } from './serve-flags.ts'

/** Requests under way get this long, so that the process is gone within 10 s of the signal. */
const CLOSE_TIMEOUT_MS = 8_000

/** Runs the server until a signal ends it. Rejects if it cannot start. */
export async function runServer(command: ServeCommand): Promise<void> {
  const store = await openStore(command)
  try {
    await serveFrom(store, command)
  } finally {
    await store.close()
  }
  if (store.lastToken > 0)
    warn(`the last fencing token was ${store.lastToken}; a store in place of this one takes it as --token-floor.`)
}

/** A store as the command knows it. */
interface OpenedStore extends LockStore {
  readonly lastToken: number
  /** How long a memory store grants nothing yet, in ms. */
  readonly graceMs?: number
}

async function openStore({ file = null, mark, grace = 0, tokenFloor = 0 }: ServeCommand): Promise<OpenedStore> {
  if (file !== null) {
    const onError = (error: unknown) => warn(`error: the store is closed, restart the server. ${messageOf(error)}`)
    return createFileStore(file, { tokenFloor, onError })
  }
  return createMemoryStore({
    grace,
    tokenFloor,
    onError: (error) => warn(`error: nothing new is granted. ${messageOf(error)}`),
    ...(mark !== undefined && { mark: openMark(mark) }),
  })
}

async function serveFrom(store: OpenedStore, command: ServeCommand): Promise<void> {
  const { file: _file, mark: _mark, grace: _grace, tokenFloor: _tokenFloor, ...options } = command
  const server = await serve({
    ...options,
    store,
    // This process is nothing but the server.
    overrideGlobalObjects: true,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    onError: (error) => warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  })
  for (const warning of warnings(command, server, store)) warn(`warning: ${warning}`)
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

function warnings({ tokens, lease, ...command }: ServeCommand, { url }: LockServer, store: OpenedStore): string[] {
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
      'locks live in memory and are forgotten on a restart, while their holders go on: with --mark FILE the next start waits for them, and --store file:PATH keeps them.',
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

function warn(text: string): void {
  process.stderr.write(`lockable: ${text}\n`)
}
