/** The `v` member of every reply in the owned dialect. */
export const PROTOCOL_VERSION = 2

/** The lease of a classic request, in ms. Classic replies do not tell it, so both sides assume it. */
export const CLASSIC_LEASE_MS = 60_000

/** The most bytes of UTF-8 that the JSON of `info` may have. */
export const MAX_INFO_BYTES = 1024

/** The most bytes that a request body may have. */
export const MAX_BODY_BYTES = 16_384

/** What an `owner` must look like. Clients make at least 128 random bits of it, afresh for each acquisition. */
export const OWNER_PATTERN: RegExp = /^[A-Za-z0-9._~-]{1,128}$/

/** A value that survives JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json }

/** `exclusive`: one holder. `shared`: any number of shared holders, and no exclusive one. */
export type LockMode = 'exclusive' | 'shared'

/** `safe`: the holder's end is fixed and the lock changes hands then. `now`: at once, and both believe until then. */
export type Steal = 'safe' | 'now'

export type Operation = 'acquire' | 'heartbeat' | 'release'

/** The body of `POST /v1/acquire/{name}`. */
export interface AcquireRequest {
  owner: string
  lease_ms?: number
  /** How long the request may be parked. Left out or 0: a holder in the way is answered `held`, without a place in the queue. */
  wait_ms?: number
  mode?: LockMode
  if_available?: boolean
  steal?: Steal
  info?: Json
}

/** A holder as others may see it: never its owner. */
export interface HolderView {
  info: Json
  mode: LockMode
  since_ms: number
  expires_in_ms: number
}

export interface GrantedReply {
  v: 2
  response: true
  owner: string
  fencing_token: number
  /** What a heartbeat restores. */
  lease_ms: number
  /** What is left when the reply is made; the only number a deadline may be computed from. */
  expires_in_ms: number
  /** How long this request was parked, by the server's clock. */
  waited_ms: number
  /** `true`: a claim out of the queue, which a heartbeat must confirm within `expires_in_ms`. */
  confirm: boolean
  /** The end is fixed and heartbeats no longer extend it. */
  ending?: EndingReason
}

export type RefusalReason = 'held' | 'queued' | 'timeout' | 'grace' | 'shutdown'

export interface RefusedReply {
  v: 2
  response: false
  owner: string
  reason: RefusalReason
  /** 1 for the head of the queue. */
  position?: number
  /** How long the place in the queue is kept from now on. */
  ticket_ms?: number
  retry_after_ms?: number
  holders?: HolderView[]
}

export type AcquireReply = GrantedReply | RefusedReply

/** The body of `POST /v1/heartbeat/{name}`. */
export interface HeartbeatRequest {
  owner: string
  lease_ms?: number
}

export type EndingReason = 'stolen' | 'revoked'

/** Why an owner no longer holds. */
export type EndReason = 'expired' | 'stolen' | 'released' | 'revoked' | 'unknown'

export interface RenewedReply {
  v: 2
  response: true
  fencing_token: number
  lease_ms: number
  expires_in_ms: number
  /** The end is fixed: this and later heartbeats do not extend the lease. */
  ending?: EndingReason
  /** With `ending: "stolen"`: who comes next, for people. */
  successor?: { info: Json }
}

export interface NotRenewedReply {
  v: 2
  response: false
  reason: EndReason
}

export type HeartbeatReply = RenewedReply | NotRenewedReply

/** The body of `POST /v1/release/{name}`. */
export interface ReleaseRequest {
  owner: string
}

export interface ReleaseReply {
  v: 2
  response: boolean
  reason?: EndReason
}

/** How a lock stands. */
export interface LockStatus {
  state: 'free' | 'held'
  mode: LockMode | null
  /** The latest token granted for this name, or `null` if there was none. */
  fencing_token: number | null
  holders: HolderView[]
  waiters: number
}

/** `GET /v1/status/{name}`. */
export interface StatusReply extends LockStatus {
  v: 2
}

/** The most locks on one page of `GET /v1/locks`. */
export const MAX_LISTED_LOCKS = 1_000

/** `GET /v1/locks`: those that are held or waited for, by name. */
export interface LocksReply {
  v: 2
  locks: ({ name: string } & LockStatus)[]
  /** What the next page is asked for with; `null`: this was the last one. */
  cursor: string | null
}

/** The body of `POST /v1/force-release/{name}`. */
export interface ForceReleaseRequest {
  /** At once, though the holder believes until it hears of it. Default `false`: at the end of its lease. */
  now?: boolean
}

export interface ForceReleaseReply {
  v: 2
  /** How many holders there were: all of them have ended, or will without being renewed. */
  holders: number
}

/** The most names that one `GET /v1/watch` can have. */
export const MAX_WATCH_NAMES = 64

/** What `GET /v1/watch` tells, as the JSON of one server-sent event: how a lock stands now. */
export type WatchEvent = { id: string; name: string } & StatusReply

/** `GET /v1`. */
export interface ServiceReply {
  service: 'lockable'
  v: 2
  features: string[]
  limits: {
    min_lease_ms: number
    max_lease_ms: number
    max_wait_ms: number
    ticket_ms: number
    name_bytes: number
    info_bytes: number
    body_bytes: number
    /** Commands in one request to a session. */
    commands: number
    commands_bytes: number
    /** Sessions on one stream. */
    stream_sessions: number
    /** Locks on one page of `GET /v1/locks`. */
    listed_locks: number
    /** Names on one `GET /v1/watch`. */
    watch_names: number
  }
  store: { kind: string; durable: boolean; linearizable: boolean }
  restart: 'durable' | 'grace' | 'forgets'
}

/** Every reply of the classic dialect. */
export interface ClassicReply {
  response: boolean
}
