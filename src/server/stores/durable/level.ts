import { mkdirSync, readdirSync, realpathSync } from 'node:fs'
import type { ClassicLevel } from 'classic-level'
import type { Database, Entry } from './database.ts'

/** A folder with LevelDB in it, and all that it held when it was opened. */
export interface OpenedLevel {
  readonly database: Database
  readonly entries: readonly Entry[]
}

/** What a crash leaves of a store that was just about to be made. */
const UNFINISHED = /^(LOCK|LOG|LOG\.old|MANIFEST-000001|000001\.dbtmp)$/

/**
 * The folders that this process has. LevelDB must not be asked: to answer, it closes the file that it has locked, with
 * which the lock goes, and another process gets in.
 */
const taken = new Set<string>()

/**
 * Opens the LevelDB in the folder `path`, which need not exist yet, for this process alone.
 *
 * Throws an `Error` that says what to do: if `classic-level` is not installed, if another process has the folder, or if
 * it cannot be read. Nothing that is there is deleted or mended.
 */
export async function openLevel(path: string): Promise<OpenedLevel> {
  const { folder, isNew } = makeFolder(path)
  if (taken.has(folder)) throw inUse(path)
  taken.add(folder)
  const giveBack = () => void taken.delete(folder)
  let level: ClassicLevel | null = null
  try {
    level = await load(folder)
    await level.open()
    const entries = await level.iterator().all()
    if (!isNew && entries.length === 0) throw emptied(path)
    return { database: asDatabase(level, giveBack), entries }
  } catch (error) {
    await level?.close()
    giveBack()
    throw error instanceof PlainError ? error : openError(path, causeOf(error))
  }
}

/** Says all that there is to say. */
class PlainError extends Error {}

async function load(path: string): Promise<ClassicLevel> {
  try {
    const engine = await import('classic-level')
    return new engine.ClassicLevel(path)
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const why = isMissing ? 'it is not installed' : `it cannot be loaded: ${messageOf(cause)}`
    throw new PlainError(
      `A store in a file needs the package classic-level, and ${why}. Install it beside lockable: npm install classic-level@3`,
      { cause },
    )
  }
}

function asDatabase(level: ClassicLevel, giveBack: () => void): Database {
  return {
    commit: (operations, isLasting) =>
      level.batch(
        operations.map(({ key, value }) => (value === null ? { type: 'del', key } : { type: 'put', key, value })),
        { sync: isLasting },
      ),
    close: () => level.close().finally(giveBack),
  }
}

/** Makes the folder if there is none, and returns its one true path: the engine would fill any folder with its files. */
function makeFolder(path: string): { folder: string; isNew: boolean } {
  let files: string[]
  try {
    // Owners and sessions are secrets.
    mkdirSync(path, { recursive: true, mode: 0o700 })
    files = readdirSync(path)
  } catch (error) {
    throw unwritable(path, error)
  }
  const isNew = !files.includes('CURRENT')
  if (!isNew || files.every((file) => UNFINISHED.test(file))) return { folder: realpathSync(path), isNew }
  throw new Error(`The folder ${path} holds something else than a store: name one of its own.`)
}

function inUse(path: string, cause?: unknown): Error {
  return new Error(`The store ${path} is used by another server: each one needs a store of its own.`, { cause })
}

function openError(path: string, cause: unknown): Error {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'LEVEL_LOCKED') return inUse(path, cause)
  if (code === 'LEVEL_CORRUPTION') return unreadable(path, messageOf(cause), cause)
  return unwritable(path, cause)
}

/** The error for a store of which nothing else is known than what the engine says. */
export function unwritable(path: string, cause: unknown): Error {
  return new Error(
    `The store ${path} cannot be written: ${messageOf(cause)}. It needs a folder, with room, in which this process may write.`,
    { cause },
  )
}

/** No server is ready before it has written something; but the engine skips what it finds damaged in its journal. */
function emptied(path: string): Error {
  return new PlainError(
    `The store ${path} has no records, though it is not new: restore it, or remove the folder if no server was ever ready with it.`,
  )
}

/** The error for a store that is damaged, or of another version. */
export function unreadable(path: string, why: string, cause: unknown): Error {
  return new Error(
    `The store ${path} cannot be read: ${why}. It says who holds what, so restore it. If that cannot be done, name another folder, after the longest lease that was given has run out, and set --token-floor (tokenFloor) to the last fencing token.`,
    { cause },
  )
}

/** What the engine found lies within what it throws. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
