import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { formatTokenFile, parseTokenFile } from '../server/auth/token-file.ts'
import { readTokens } from '../server/auth/token-file-watch.ts'
import type { TokenRecord } from '../server/auth/token-record.ts'
import { takeGuard } from '../server/stores/memory/file-guard.ts'

/** For its owner only: who can write it can let themselves in. */
const MODE = 0o600

/**
 * Replaces the tokens in a file, which may be new, by what `change` makes of them. The file has the old ones or the new
 * ones, whatever crashes. Throws an `Error` that names what is wrong with the file.
 */
export function updateTokens(path: string, change: (records: readonly TokenRecord[]) => readonly TokenRecord[]): void {
  const giveBack = takeGuard(
    `${path}.lock`,
    (owner) => new Error(`The token file ${path} is being changed by ${owner}: try again.`),
  )
  try {
    const text = formatTokenFile(change(existsSync(path) ? readTokens(path) : []))
    // What could not be read again must not be written.
    parseTokenFile(text, `The token file ${path}`)
    replace(path, text)
  } finally {
    giveBack()
  }
}

/** Writes a file that is not there yet. */
export function createSecretFile(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: MODE })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new Error(`${path} is there already: name another file, or remove it; what it signed is then good no more.`, {
      cause,
    })
  }
}

function replace(path: string, text: string): void {
  const temporary = `${path}.new`
  // One that a crash left may have another mode.
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', MODE)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  keepOwner(path, temporary)
  renameSync(temporary, path)
  syncFolder(dirname(path))
}

/** A server that runs as another user must go on being able to read the file when root has changed it. */
function keepOwner(path: string, temporary: string): void {
  const before = statSync(path, { throwIfNoEntry: false })
  const now = statSync(temporary)
  if (before !== undefined && (before.uid !== now.uid || before.gid !== now.gid)) {
    chownSync(temporary, before.uid, before.gid)
  }
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
