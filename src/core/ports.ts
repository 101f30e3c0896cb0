import type { Clock } from './clock.ts'
import type { HeartbeatHost, HeartbeatHostOptions } from './heartbeat-host.ts'

/** Stops a timer; harmless when it has fired. */
export type CancelTimer = () => void

/** Timers of one thread. */
export interface Timers {
  /**
   * Runs `fire` once after `ms`.
   *
   * @param background the timer alone must not keep the process alive. Default `false`.
   */
  setTimer(fire: () => void, ms: number, background?: boolean): CancelTimer
}

/** A request as a plain object, so that a simulated network can carry it as well as `fetch`. */
export interface WireRequest {
  readonly method: 'GET' | 'POST'
  /** From the root of the service, with the name encoded: `/v1/acquire/my-lock`. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: object
  /** Say that it is text, which another origin may send without asking first. Default `false`. */
  readonly isPlain?: boolean
  /** The token to authenticate with, or `null` for none. */
  readonly authToken: string | null
}

export interface WireReply {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** From `Retry-After`, in ms; `null` without one. */
  readonly retryAfterMs: number | null
}

export interface SendOptions {
  /** ms after which the attempt is given up. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Let the request outlive its page. Default `false`. */
  readonly keepalive?: boolean
}

/**
 * Carries one request to the server at `url` and brings its reply.
 *
 * Rejects with a {@link NetworkError} when there was no reply, and with the reason of `signal` when that aborted it.
 */
export type Send = (request: WireRequest, options: SendOptions) => Promise<WireReply>

export interface StreamOptions {
  /** Ends the stream. */
  readonly signal: AbortSignal
  /** Called with the data of each event, in order; with `null` for a mere sign of life, such as a comment. */
  readonly heard: (data: string | null) => void
}

/**
 * Carries one request whose reply is a stream of server-sent events.
 *
 * Resolves to `null` when the server ended the stream, and to its reply if that was none. Rejects with a
 * {@link NetworkError} when the connection failed, and with the reason of `signal` when that aborted it.
 */
export type OpenStream = (request: WireRequest, options: StreamOptions) => Promise<WireReply | null>

/** Lets the tabs of one browser that use the same server take turns and talk to each other. */
export interface Tabs {
  /**
   * Waits for the turn of this tab and runs `lead` while it has it: one at a time, first come, first served, and the
   * next at once when `lead` has settled or its tab has died.
   *
   * Rejects with the reason of `signal` when that aborts before the turn has come, and with another error where no turns
   * are given, or when this one was taken away.
   */
  lead(signal: AbortSignal, lead: () => Promise<void>): Promise<void>
  /** Joins the other tabs; `heard` is called with what they post, which may be anything. */
  join(heard: (message: unknown) => void): TabChannel
}

export interface TabChannel {
  /** Tells all other tabs that have joined. `message` is plain data. Must not be called after `close()`. */
  post(message: object): void
  /** Leaves them. What was posted still arrives. */
  close(): void
}

/** What a page tells about itself. */
export type PageChange = 'hidden' | 'visible' | 'frozen' | 'resumed' | 'online' | 'offline' | 'leaving'

/** All that the core is given from outside; nothing in `core/` touches a global. */
export interface Runtime extends Clock, Timers {
  /** How many ms of `now()` the machine slept, as far as that was noticed. Default: none. */
  slept?(): number
  /** A number in [0, 1). */
  random(): number
  /** 128 fresh random bits, base64url: for an owner, a session or a tab. */
  newSecret(): string
  readonly send: Send
  readonly openStream: OpenStream
  /** The token of the environment, or `null` where there is none. */
  environmentToken(): string | null
  /** Makes the host of the heartbeats, once, with the first `acquire()`, so that a worker is ready when something is held. */
  heartbeatHost(options: HeartbeatHostOptions): HeartbeatHost
  /**
   * Runs `poll(true)` if a request may be parked at the server without starving others of connections,
   * `poll(false)` if not.
   */
  whileParking<T>(poll: (mayPark: boolean) => Promise<T>): Promise<T>
  /**
   * The tabs of this browser, where they must share what they park at the server; `null` where they need not, or cannot.
   * Default: `null`.
   */
  tabs?(): Tabs | null
  /** Listens for changes of the page; returns the way to stop. Nothing happens where there is no page. */
  onPageChange(listener: (change: PageChange) => void): () => void
  /** Keeps the browser from freezing the page until what is returned is called. Default: nothing can be done. */
  preventFreezing?(): () => void
  /** Reports an exception that a callback of the application threw. */
  reportException(error: unknown): void
}
