import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, lstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { takeGuard } from './file-guard.ts'
import type { Mark, MarkState } from './mark.ts'

/** A later version that can be read by none of today raises it. */
const VERSION = 1

/** What the file holds. */
interface Content {
  /** Which opening of the mark wrote this. */
  readonly server: string
  readonly state: MarkState
}

/**
 * A mark in a small file, for Node. It has to lie where a restart finds it again: on a volume, not within a container.
 *
 * Throws an `Error` that says what to do: if the file cannot be read or written, since going on as if nothing had been
 * granted before would break the promise, and if another server uses it.
 */
export function openMark(file: string): Mark {
  const path = resolve(file)
  checkKind(path)
  const giveBack = takeGuard(`${path}.lock`, (owner) => inUse(path, owner))
  try {
    return new FileMark(path, giveBack)
  } catch (error) {
    giveBack()
    throw error
  }
}

/**
 * The guard beside the file keeps a second server from starting. It goes by process ids, which two containers with one
 * volume do not share, so the file also names who opened it last, and whoever finds another name there grants no more.
 */
class FileMark implements Mark {
  readonly #path: string
  readonly #giveBack: () => void
  readonly #server = randomUUID()
  readonly #found: MarkState | null

  constructor(path: string, giveBack: () => void) {
    this.#path = path
    this.#giveBack = giveBack
    this.#found = readContent(path)?.state ?? null
    // It says nothing new, but that it cannot be written shows here and not at the first grant.
    this.#save(this.#found ?? { longestLeaseMs: 0, tokensUpTo: 0 })
  }

  read(): MarkState | null {
    return this.#found
  }

  write(state: MarkState): void {
    const present = readContent(this.#path)
    if (present !== null && present.server !== this.#server) throw inUse(this.#path, 'another server, since then')
    this.#save(state)
  }

  close(): void {
    this.#giveBack()
  }

  #save({ longestLeaseMs, tokensUpTo }: MarkState): void {
    const content = {
      about: 'Left by a lockable server for the next one: how long to wait, and where fencing tokens begin.',
      v: VERSION,
      server: this.#server,
      longest_lease_ms: longestLeaseMs,
      tokens_up_to: tokensUpTo,
    }
    try {
      replaceFile(this.#path, `${JSON.stringify(content, null, 2)}\n`)
    } catch (cause) {
      throw new Error(
        `The mark ${this.#path} cannot be written: ${messageOf(cause)}. It needs a folder that exists, with room, in which this process may write.`,
        { cause },
      )
    }
  }
}

/** After this the file has the old content or the new one, whatever crashes, and the new one if it returns. */
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  const file = openSync(temporary, 'w')
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncFolder(dirname(path))
}

/** Makes the renaming last. Windows has no such thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The file is replaced as a whole, which would put a file in the place of a link or a device. */
function checkKind(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isFile()) return
  const kind = stats.isSymbolicLink() ? 'a symbolic link' : stats.isDirectory() ? 'a folder' : 'no regular file'
  throw new Error(`The mark ${path} is ${kind}: name a file, which may be one that does not exist yet.`)
}

function readContent(path: string): Content | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unreadable(path, messageOf(cause), cause)
  }
  return parse(path, text)
}

function parse(path: string, text: string): Content {
  let json: Readonly<Record<string, unknown>> | null
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause)
  }
  const { v, server, longest_lease_ms: longestLeaseMs, tokens_up_to: tokensUpTo } = json ?? {}
  if (v !== VERSION) throw unreadable(path, `its version is ${JSON.stringify(v)}, and this program knows ${VERSION}`)
  if (typeof server !== 'string' || !isCount(longestLeaseMs) || !isCount(tokensUpTo)) {
    throw unreadable(path, 'its members are not what they must be')
  }
  return { server, state: { longestLeaseMs, tokensUpTo } }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function unreadable(path: string, why: string, cause?: unknown): Error {
  return new Error(
    `The mark ${path} cannot be read: ${why}. It says how long the leases of the server before may still run, so restore it; or, if that cannot be done, remove it and start once with --grace (grace) as long as the longest lease that was given.`,
    { cause },
  )
}

function inUse(path: string, owner: string): Error {
  return new Error(`The mark ${path} is used by ${owner}: each server needs one of its own.`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
