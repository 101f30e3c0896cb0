import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ServerClock } from '../clock.ts'
import { systemClock } from '../system-clock.ts'
import type { TokenSource } from './kept-tokens.ts'
import { parseTokenFile } from './token-file.ts'
import type { TokenRecord } from './token-record.ts'

/** How often the file is looked at, in ms. */
const LOOK_MS = 1_000

export interface TokenFileOptions {
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
  /** Told when the file has become unreadable; the tokens stay what they were. Default: it is dropped. */
  readonly onError?: (error: unknown) => void
}

/** The tokens of a file, which is read anew when it changes. */
export interface TokenFile extends TokenSource {
  /** Reads it anew now. */
  reload(): void
  /** Looks at it no more. */
  close(): void
}

/**
 * The tokens of a file that `lockable token` makes, for Node. It is looked at once a second.
 *
 * Throws an `Error` that names what is wrong with the file.
 */
export function openTokenFile(file: string, options: TokenFileOptions = {}): TokenFile {
  const { clock = systemClock, onError = () => undefined } = options
  const path = resolve(file)
  const listeners = new Set<() => void>()
  let stamp = stampOf(path)
  let records = readTokens(path)
  let cancelTimer = () => {}
  const reload = () => {
    stamp = stampOf(path)
    try {
      records = readTokens(path)
    } catch (error) {
      onError(error)
      return
    }
    for (const listener of listeners) listener()
  }
  const look = () => {
    if (stampOf(path) !== stamp) reload()
    cancelTimer = clock.setTimer(look, LOOK_MS)
  }
  cancelTimer = clock.setTimer(look, LOOK_MS)
  return {
    read: () => records,
    reload,
    close: () => cancelTimer(),
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The tokens in a file. Throws an `Error` that names what is wrong with it. */
export function readTokens(path: string): TokenRecord[] {
  return parseTokenFile(readText(path), `The token file ${path}`)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `The token file ${path} cannot be read: ${why}. Make one with lockable token create --file ${path}.`,
      {
        cause,
      },
    )
  }
}

/** Differs after every change; a file that is replaced as a whole is another one. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    // Reading it says why.
    return ''
  }
}
