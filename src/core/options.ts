import { nameProblem } from '../protocol/names.ts'
import { MAX_INFO_BYTES } from '../protocol/wire.ts'
import { InvalidArgumentError } from './errors.ts'
import type { AcquireOptions, LockableOptions, LockOptions } from './types.ts'

/** The most ms that a timer of any runtime can wait. */
const LONGEST_MS = 2_147_483_647

/** Below this nothing of a lease is left after its margin and a round trip, in ms. */
const SHORTEST_LEASE_MS = 500
const SHORTEST_INTERVAL_MS = 10

const CLIENT_OPTIONS: readonly (keyof LockableOptions)[] = [
  'url',
  'authToken',
  'leaseDuration',
  'heartbeatInterval',
  'retryInterval',
  'fetch',
  'dialect',
  'worker',
  'preventFreezing',
]
const ACQUIRE_OPTIONS: readonly (keyof AcquireOptions)[] = ['signal', 'timeout', 'blocking', 'steal']
const LOCK_OPTIONS: readonly (keyof LockOptions)[] = [
  ...ACQUIRE_OPTIONS,
  'leaseDuration',
  'mode',
  'info',
  'onLockLoss',
  'onHeartbeatException',
  'maxHold',
  'stallTimeout',
]

/** Throws an {@link InvalidArgumentError} that quotes `name` if it cannot be the name of a lock. */
export function checkName(name: unknown): asserts name is string {
  const problem = nameProblem(name)
  if (problem !== null) throw new InvalidArgumentError(problem)
}

/** Throws an {@link InvalidArgumentError} for options of a client that cannot be meant. */
export function checkClientOptions(options: LockableOptions): void {
  checkKeys(options, CLIENT_OPTIONS)
  checkDuration('leaseDuration', options.leaseDuration, SHORTEST_LEASE_MS)
  checkDuration('heartbeatInterval', options.heartbeatInterval, SHORTEST_INTERVAL_MS)
  checkDuration('retryInterval', options.retryInterval, SHORTEST_INTERVAL_MS)
  checkChoice('dialect', options.dialect, ['auto', 'owned', 'classic'])
  if (options.fetch !== undefined && typeof options.fetch !== 'function') {
    throw new InvalidArgumentError(`fetch must be a function; got ${show(options.fetch)}.`)
  }
  checkWorker(options.worker)
  checkBoolean('preventFreezing', options.preventFreezing)
  checkInterval(options.heartbeatInterval, options.leaseDuration)
}

/** Throws an {@link InvalidArgumentError} for options of a lock that cannot be meant. */
export function checkLockOptions(options: LockOptions): void {
  checkKeys(options, LOCK_OPTIONS)
  checkWait(options)
  checkDuration('leaseDuration', options.leaseDuration, SHORTEST_LEASE_MS)
  checkDuration('maxHold', options.maxHold)
  checkDuration('stallTimeout', options.stallTimeout)
  checkChoice('mode', options.mode, ['exclusive', 'shared'])
  checkInfo(options.info)
  checkCallback('onLockLoss', options.onLockLoss)
  checkCallback('onHeartbeatException', options.onHeartbeatException)
}

/** Throws an {@link InvalidArgumentError} for options of `acquire()` that cannot be meant. */
export function checkAcquireOptions(options: AcquireOptions): void {
  checkKeys(options, ACQUIRE_OPTIONS)
  checkWait(options)
}

function checkBoolean(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return
  throw new InvalidArgumentError(`${option} must be true or false; got ${show(value)}.`)
}

function checkWait(options: AcquireOptions): void {
  if (options.timeout !== Number.POSITIVE_INFINITY) {
    checkDuration('timeout', options.timeout, 0, 'use blocking: false to try once')
  }
  checkBoolean('blocking', options.blocking)
  checkChoice('steal', options.steal, ['safe', 'now'])
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new InvalidArgumentError(`signal must be an AbortSignal; got ${show(options.signal)}.`)
  }
}

/** Throws if heartbeats every `interval` ms cannot keep a lease of `lease` ms. */
export function checkInterval(interval: number | undefined, lease: number | undefined): void {
  if (interval === undefined || lease === undefined || interval <= lease / 2) return
  throw new InvalidArgumentError(
    `heartbeatInterval ${interval} ms cannot keep a lease of ${lease} ms: one lost request would lose the lock. Use at most half of leaseDuration.`,
  )
}

function checkKeys(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`The options must be an object; got ${show(options)}.`)
  }
  // A misspelt option would otherwise be ignored, and `blockng: false` wait for ever.
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw new InvalidArgumentError(`There is no option ${show(unknown)} here; there are ${known.join(', ')}.`)
}

function checkCallback(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw new InvalidArgumentError(`${option} must be a function; got ${show(value)}.`)
}

function checkWorker(worker: unknown): void {
  if (worker === undefined || typeof worker === 'function' || worker instanceof URL) return
  // A path that is no whole URL is relative to the page; a bare word is a slip.
  if (worker === 'auto' || worker === 'off' || (typeof worker === 'string' && /[./]/.test(worker))) return
  throw new InvalidArgumentError(
    `worker must be "auto", "off", the URL of a script, or a function that makes one; got ${show(worker)}.`,
  )
}

function checkDuration(option: string, value: unknown, least = 0, hint = 'leave it out for the default'): void {
  if (value === undefined) return
  if (typeof value === 'number' && value > 0 && value >= least && value <= LONGEST_MS) return
  const range = least === 0 ? 'above 0' : `from ${least}`
  throw new InvalidArgumentError(
    `${option} must be a number of ms ${range} and at most ${LONGEST_MS}; got ${show(value)}. Mend it, or ${hint}.`,
  )
}

function checkChoice(option: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value as string)) return
  throw new InvalidArgumentError(`${option} must be one of ${choices.map(show).join(', ')}; got ${show(value)}.`)
}

function checkInfo(info: unknown): void {
  if (info === undefined) return
  let json: string | undefined
  try {
    json = JSON.stringify(info)
  } catch {
    json = undefined
  }
  if (json === undefined) throw new InvalidArgumentError('info must be a value that JSON can carry.')
  const bytes = new TextEncoder().encode(json).length
  if (bytes <= MAX_INFO_BYTES) return
  throw new InvalidArgumentError(`info has ${bytes} bytes of JSON, the most is ${MAX_INFO_BYTES}: put less into it.`)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
