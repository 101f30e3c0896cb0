import { encodeName } from './names.ts'
import type { Operation } from './wire.ts'

/** Where all paths of the protocol begin; `GET` on it describes the service. */
export const API_ROOT = '/v1'

/** `/v1/acquire/{name}` and its two siblings: `GET` is the classic dialect, `POST` the owned one. */
export function operationPath(operation: Operation, name: string): string {
  return `${API_ROOT}/${operation}/${encodeName(name)}`
}

/** `/v1/status/{name}`: who holds, without taking. */
export function statusPath(name: string): string {
  return `${API_ROOT}/status/${encodeName(name)}`
}

/** `/v1/locks`: all that are held or waited for, page by page. */
export const LOCKS_PATH: string = `${API_ROOT}/locks`

/** `/v1/watch`: how some locks stand, and every change. */
export const WATCH_PATH: string = `${API_ROOT}/watch`

/** `/v1/force-release/{name}`: ends whoever holds. */
export function forceReleasePath(name: string): string {
  return `${API_ROOT}/force-release/${encodeName(name)}`
}

type SessionOperation = 'commands' | 'heartbeat' | 'stream' | 'release'

/** The four operations on a session. Fixed paths, with the secret in the body, so that preflights stay warm. */
export const SESSION_PATHS: Readonly<Record<SessionOperation, string>> = {
  commands: `${API_ROOT}/session/commands`,
  heartbeat: `${API_ROOT}/session/heartbeat`,
  stream: `${API_ROOT}/session/stream`,
  release: `${API_ROOT}/session/release`,
}
