import type { HolderView } from '../protocol/wire.ts'
import type { Loss } from './loss.ts'

/** Every `code` of a {@link LockableError}. */
export type LockableErrorCode =
  | 'invalid-argument'
  | 'lock-busy'
  | 'could-not-acquire'
  | 'timeout'
  | 'lost'
  | 'released'
  | 'heartbeat'
  | 'authentication'
  | 'protocol'
  | 'server'
  | 'network'
  | 'closed'

const CODES: ReadonlySet<string> = new Set<LockableErrorCode>([
  'invalid-argument',
  'lock-busy',
  'could-not-acquire',
  'timeout',
  'lost',
  'released',
  'heartbeat',
  'authentication',
  'protocol',
  'server',
  'network',
  'closed',
])

/** What all errors of this package have in common. Tell them apart by `code`: a class does not survive a worker. */
export class LockableError extends Error {
  override name = 'LockableError'
  /** Which error it is, stable over versions. */
  readonly code: LockableErrorCode

  constructor(code: LockableErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An argument that cannot be meant: the message quotes it and says how to mend it. Code `invalid-argument`. */
export class InvalidArgumentError extends LockableError {
  override name = 'InvalidArgumentError'

  constructor(message: string, options?: ErrorOptions) {
    super('invalid-argument', message, options)
  }
}

/** Somebody else holds the lock, and `blocking` was `false`. Code `could-not-acquire`. */
export class CouldNotAcquireLockError extends LockableError {
  override name = 'CouldNotAcquireLockError'
  /** Who holds it, as far as the server says. */
  readonly holders: readonly HolderView[]

  constructor(message: string, holders: readonly HolderView[]) {
    super('could-not-acquire', message)
    this.holders = holders
  }
}

/** The lock was not granted within `timeout`. Code `timeout`. */
export class LockTimeoutError extends LockableError {
  override name = 'LockTimeoutError'
  /** How long it was waited for, in ms. */
  readonly timeout: number

  constructor(message: string, timeout: number) {
    super('timeout', message)
    this.timeout = timeout
  }
}

/** The lock was held and is lost; the reason of `lease.signal`. Code `lost`. */
export class LockLostError extends LockableError {
  override name = 'LockLostError'
  /** Why, with evidence. */
  readonly loss: Loss

  constructor(name: string, loss: Loss, options?: ErrorOptions) {
    super('lost', `The lock ${JSON.stringify(name)} was lost: ${loss.sentence}`, options)
    this.loss = loss
  }
}

/** One heartbeat failed; the lease still runs. What `onHeartbeatException` is given. Code `heartbeat`. */
export class HeartbeatError extends LockableError {
  override name = 'HeartbeatError'

  constructor(message: string, options?: ErrorOptions) {
    super('heartbeat', message, options)
  }
}

/** The server refused the token (401 or 403). Code `authentication`. */
export class AuthenticationError extends LockableError {
  override name = 'AuthenticationError'
  readonly status: number

  constructor(message: string, status: number) {
    super('authentication', message)
    this.status = status
  }
}

/** The server answered what no lock server answers, or refused the request as wrong. Code `protocol`. */
export class ProtocolError extends LockableError {
  override name = 'ProtocolError'
  readonly status: number

  constructor(message: string, status: number) {
    super('protocol', message)
    this.status = status
  }
}

/** The server says that it cannot answer now (5xx or 429); the outcome is unknown. Code `server`. */
export class ServerError extends LockableError {
  override name = 'ServerError'
  readonly status: number
  /** From `Retry-After`, in ms; `null` without one. */
  readonly retryAfterMs: number | null

  constructor(message: string, status: number, retryAfterMs: number | null) {
    super('server', message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** There was no answer: refused, cut off, or not within the time-out. Code `network`. */
export class NetworkError extends LockableError {
  override name = 'NetworkError'
  /** `true` if the time-out passed, `false` if the request failed before. */
  readonly timedOut: boolean

  constructor(message: string, timedOut: boolean, options?: ErrorOptions) {
    super('network', message, options)
    this.timedOut = timedOut
  }
}

/** Whether `error` is one of this package, also when it crossed from a worker or from another copy of the package. */
export function isLockableError(error: unknown): error is LockableError {
  return error instanceof Error && CODES.has((error as Partial<LockableError>).code ?? '')
}

/** An error as plain data, for events and for messages between threads. */
export interface ErrorDescription {
  /** `aborted`: the caller's own signal. `unknown`: an error that is none of ours. */
  readonly code: LockableErrorCode | 'aborted' | 'unknown'
  readonly message: string
  /** The status of the reply, if there was one. */
  readonly status?: number
  /** With code `network`: whether the time-out passed. */
  readonly timedOut?: boolean
}

/** `error` as plain data. */
export function describeError(error: unknown): ErrorDescription {
  if (!isLockableError(error))
    return { code: 'unknown', message: error instanceof Error ? error.message : String(error) }
  const { status, timedOut } = error as Partial<AuthenticationError & NetworkError>
  return {
    code: error.code,
    message: error.message,
    ...(status === undefined ? {} : { status }),
    ...(timedOut === undefined ? {} : { timedOut }),
  }
}
