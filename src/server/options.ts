import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type Authenticate, openToAll, withTokens } from './auth/authenticate.ts'
import { type TokenEntry, TokenRegistry } from './auth/tokens.ts'
import type { ServerClock } from './clock.ts'
import type { LockStore, StoreLimits } from './store.ts'
import { createMemoryStore } from './stores/memory.ts'
import { systemClock } from './system-clock.ts'

/** How long leases are, in ms. */
export interface LeaseOptions {
  /** What an owned request gets that asks for nothing. Default 60,000. */
  readonly defaultMs?: number
  /** What a classic request gets. Default 60,000, which is what classic clients take for granted. */
  readonly classicMs?: number
  /** The shortest lease that may be asked for. Default 1,000. */
  readonly minMs?: number
  /** The longest lease that may be asked for. Default 86,400,000, a day. */
  readonly maxMs?: number
}

export interface HandlerOptions {
  /** Where locks live. Default: a memory store of its own, closed with the handler. */
  readonly store?: LockStore
  /**
   * Who may lock: `token` or `token:namespace`. Locks of different namespaces have nothing to do with each other. Left
   * out: everybody who can reach the server.
   */
  readonly tokens?: readonly (string | TokenEntry)[]
  readonly lease?: LeaseOptions
  /** The longest time for which a request is parked, in ms; more is cut down to it. Default 30,000. */
  readonly maxWaitMs?: number
  /** ms after the start during which the default store grants nothing, since an earlier process may have. Default 0. */
  readonly grace?: number
  /** What bounds the default store. */
  readonly limits?: Partial<StoreLimits>
  /** Exact origins whose pages may call, such as `https://app.example`; `['*']` for all, only without tokens. Default: none. */
  readonly cors?: readonly string[]
  /**
   * Host names that requests may be addressed to, besides loopback ones; no port. Without tokens the default is none;
   * with tokens every host is served unless this is given.
   */
  readonly hosts?: readonly string[]
  /** Told of errors that are the server's own. Default: they are dropped. */
  readonly onError?: (error: unknown) => void
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
}

export const DEFAULT_LEASE: Readonly<Required<LeaseOptions>> = {
  defaultMs: 60_000,
  classicMs: CLASSIC_LEASE_MS,
  minMs: 1_000,
  maxMs: 86_400_000,
}

/** {@link HandlerOptions} with everything decided. */
export interface Settings {
  readonly store: LockStore
  /** The store was made here, so it is closed here. */
  readonly ownsStore: boolean
  readonly authenticate: Authenticate
  readonly lease: Required<LeaseOptions>
  readonly maxWaitMs: number
  readonly origins: readonly string[]
  /** `null`: any. */
  readonly hosts: readonly string[] | null
  readonly onError: (error: unknown) => void
  readonly clock: ServerClock
}

/** Decides what is left out. Throws a `TypeError` that names the option and the value that is wrong. */
export function resolveOptions(options: HandlerOptions): Settings {
  const { tokens, cors = [], hosts, clock = systemClock, grace = 0, maxWaitMs = 30_000, limits, onError } = options
  if (tokens?.length === 0) throw new TypeError('tokens is an empty list: leave it out for a server open to all.')
  if (options.store !== undefined && (grace !== 0 || limits !== undefined)) {
    throw new TypeError('grace and limits are for the default store: give them to the store instead.')
  }
  checkMs('maxWaitMs', maxWaitMs, 1)
  checkMs('grace', grace, 0)
  for (const origin of cors) checkOriginOption(origin, tokens !== undefined)
  return {
    store: options.store ?? createMemoryStore({ clock, grace, ...(limits && { limits }) }),
    ownsStore: options.store === undefined,
    authenticate: tokens === undefined ? openToAll : withTokens(new TokenRegistry(tokens)),
    lease: resolveLease(options.lease),
    maxWaitMs,
    origins: cors,
    hosts: hosts?.map(normaliseHost) ?? (tokens === undefined ? [] : null),
    onError: onError ?? (() => undefined),
    clock,
  }
}

function resolveLease(options: LeaseOptions = {}): Required<LeaseOptions> {
  const lease = { ...DEFAULT_LEASE, ...options }
  for (const [member, ms] of Object.entries(lease)) checkMs(`lease.${member}`, ms, 1)
  const { minMs, defaultMs, maxMs } = lease
  if (minMs > defaultMs || defaultMs > maxMs) {
    throw new TypeError(
      `The default lease (--default-lease, lease.defaultMs) of ${defaultMs} ms must be between the shortest (--min-lease, lease.minMs) of ${minMs} and the longest (--max-lease, lease.maxMs) of ${maxMs}.`,
    )
  }
  return lease
}

/** As a `Host` header has it, without the port. */
function normaliseHost(host: string): string {
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  if (URL.canParse(`http://${bracketed}/`) && /^[\w.-]+$|^\[.*\]$/.test(bracketed)) return bracketed.toLowerCase()
  throw new TypeError(`The host ${JSON.stringify(host)} must be a name or an address, without a scheme and a port.`)
}

function checkMs(option: string, ms: number, least: number): void {
  if (Number.isSafeInteger(ms) && ms >= least) return
  throw new TypeError(`${option} must be a whole number of ms, ${least} or more; got ${ms}.`)
}

function checkOriginOption(origin: string, hasTokens: boolean): void {
  if (origin === '*' && !hasTokens) return
  if (origin === '*') throw new TypeError('cors cannot be "*" while there are tokens: name the origins exactly.')
  if (URL.canParse(origin) && new URL(origin).origin === origin) return
  throw new TypeError(
    `The cors origin ${JSON.stringify(origin)} must be exactly a scheme, a host and a port, as https://app.example.`,
  )
}
