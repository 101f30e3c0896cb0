import { CLASSIC_LEASE_MS } from '../protocol/wire.ts'
import { type Authenticator, openToAll, withCredentials } from './auth/authenticate.ts'
import { type CapabilityKey, CapabilityKeys } from './auth/capability-keys.ts'
import { KeptTokens, type TokenSource } from './auth/kept-tokens.ts'
import { DEFAULT_RATES, Limiters, type Rates } from './auth/limits.ts'
import { ListedTokens, type TokenEntry } from './auth/tokens.ts'
import type { ServerClock } from './clock.ts'
import type { Observer } from './observe/facts.ts'
import { createReport, type Failure, type Report } from './observe/failures.ts'
import { ObservedStore } from './observe/observed-store.ts'
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
   * Who may do everything but force: `token` or `token:namespace`. Locks of different namespaces have nothing to do with
   * each other. Without `tokens`, `tokenSource` and `capabilityKeys` everybody who can reach the server may.
   */
  readonly tokens?: readonly (string | TokenEntry)[]
  /** Tokens with rights of their own, which may come and go: on Node `openTokenFile(path)`. It is not closed here. */
  readonly tokenSource?: TokenSource
  /** By what capabilities may be signed: JSON Web Keys, secret ones for HS256 and public ones for ES256 and EdDSA. */
  readonly capabilityKeys?: readonly CapabilityKey[]
  /** How often tokens and strangers may ask. */
  readonly rates?: Partial<Rates>
  readonly lease?: LeaseOptions
  /** The longest time for which a request is parked, in ms; more is cut down to it. Default 30,000. */
  readonly maxWaitMs?: number
  /** ms after the start during which the default store grants nothing, since an earlier process may have. Default 0. */
  readonly grace?: number
  /** What bounds the default store. */
  readonly limits?: Partial<StoreLimits>
  /** Exact origins whose pages may call, such as `https://app.example`; `['*']` for all, only on an open server. Default: none. */
  readonly cors?: readonly string[]
  /**
   * Host names that requests may be addressed to, besides loopback ones; no port. On an open server the default is none;
   * on others every host is served unless this is given.
   */
  readonly hosts?: readonly string[]
  /**
   * Told of errors that are the server's own, and of which request they are; `null`: of none. Default: they are dropped.
   */
  readonly onError?: (error: unknown, failure: Failure | null) => void
  /** Told of everything that happens, to count it or to log it. Default: nobody is. */
  readonly observer?: Observer
  /** What `GET /metrics` answers to whoever may `inspect` every lock. Default: there is no such path. */
  readonly metrics?: () => Promise<MetricsPage>
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
}

/** Figures for a monitoring system, as text. */
export interface MetricsPage {
  /** The media type. */
  readonly contentType: string
  readonly text: string
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
  /** Everybody who reaches the server may do everything. */
  readonly isOpen: boolean
  readonly authenticator: Authenticator
  readonly limiters: Limiters
  /** `null`: no tokens that come and go. */
  readonly keptTokens: { readonly source: TokenSource; readonly kept: KeptTokens } | null
  readonly lease: Required<LeaseOptions>
  readonly maxWaitMs: number
  readonly origins: readonly string[]
  /** `null`: any. */
  readonly hosts: readonly string[] | null
  /** Takes errors that no request met. */
  readonly onError: (error: unknown) => void
  readonly report: Report
  /** Begins to observe; `null`: nobody does. */
  readonly observer: Observer | null
  /** `null`: there are none. */
  readonly metrics: (() => Promise<MetricsPage>) | null
  readonly clock: ServerClock
}

/** Decides what is left out. Throws a `TypeError` that names the option and the value that is wrong. */
export function resolveOptions(options: HandlerOptions): Settings {
  const { cors = [], hosts, clock = systemClock, grace = 0, maxWaitMs = 30_000, limits } = options
  const { onError = () => undefined, observer = null, metrics = null } = options
  if (options.store !== undefined && (grace !== 0 || limits !== undefined)) {
    throw new TypeError('grace and limits are for the default store: give them to the store instead.')
  }
  checkMs('maxWaitMs', maxWaitMs, 1)
  checkMs('grace', grace, 0)
  const isOpen = isOpenServer(options)
  for (const origin of cors) checkOriginOption(origin, isOpen)
  const store = options.store ?? createMemoryStore({ clock, grace, ...(limits && { limits }) })
  return {
    store: observer === null ? store : new ObservedStore(store, clock, observer),
    ownsStore: options.store === undefined,
    isOpen,
    ...resolveCredentials(options, clock),
    lease: resolveLease(options.lease),
    maxWaitMs,
    origins: cors,
    hosts: hosts?.map(normaliseHost) ?? (isOpen ? [] : null),
    onError: (error) => onError(error, null),
    report: createReport(clock, onError),
    observer,
    metrics,
    clock,
  }
}

/** Whether everybody who reaches the server may do everything. */
export function isOpenServer({ tokens, tokenSource, capabilityKeys }: HandlerOptions): boolean {
  return tokens === undefined && tokenSource === undefined && capabilityKeys === undefined
}

function resolveCredentials(
  options: HandlerOptions,
  clock: ServerClock,
): Pick<Settings, 'authenticator' | 'limiters' | 'keptTokens'> {
  const { tokens, tokenSource, capabilityKeys, rates } = options
  for (const [name, list] of Object.entries({ tokens, capabilityKeys })) {
    if (list?.length === 0) throw new TypeError(`${name} is an empty list: leave it out for a server without.`)
  }
  const limiters = new Limiters(clock, resolveRates(rates))
  const keptTokens =
    tokenSource === undefined ? null : { source: tokenSource, kept: new KeptTokens(clock, tokenSource) }
  if (isOpenServer(options)) return { authenticator: openToAll, limiters, keptTokens }
  const authenticator = withCredentials({
    clock,
    listed: tokens === undefined ? null : new ListedTokens(tokens),
    kept: keptTokens?.kept ?? null,
    capabilityKeys: capabilityKeys === undefined ? null : new CapabilityKeys(capabilityKeys),
    limiters,
  })
  return { authenticator, limiters, keptTokens }
}

function resolveRates(given: Partial<Rates> = {}): Rates {
  const rates = { ...DEFAULT_RATES, ...given }
  for (const [name, { perSecond, burst }] of Object.entries(rates)) {
    if (perSecond > 0 && burst >= 1) continue
    throw new TypeError(
      `rates.${name} must be more than 0 a second and 1 or more at once; got ${perSecond} and ${burst}.`,
    )
  }
  return rates
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

function checkOriginOption(origin: string, isOpen: boolean): void {
  if (origin === '*' && isOpen) return
  if (origin === '*') throw new TypeError('cors cannot be "*" while there are tokens: name the origins exactly.')
  if (URL.canParse(origin) && new URL(origin).origin === origin) return
  throw new TypeError(
    `The cors origin ${JSON.stringify(origin)} must be exactly a scheme, a host and a port, as https://app.example.`,
  )
}
