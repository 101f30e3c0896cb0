import { resolve } from 'node:path'
import type { ServerClock } from '../clock.ts'
import { type LockStore, type StoreLimits, StoreUnavailableError } from '../store.ts'
import type { Entry } from './durable/database.ts'
import { DurableStore } from './durable/durable-store.ts'
import { openLevel, unreadable, unwritable } from './durable/level.ts'
import { readRecords } from './durable/records.ts'
import { recover } from './durable/recovery.ts'
import type { Inherited } from './memory/inherited.ts'
import { checkTokenFloor, StoreInMemory } from './memory.ts'

export interface FileStoreOptions {
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
  /** Fencing tokens begin above this, and above those of this store: the last one of another store. Default 0. */
  readonly tokenFloor?: number
  /** Told when the disk can no longer be written, and the store has closed itself. Default: it is dropped. */
  readonly onError?: (error: unknown) => void
  /** As for a memory store. What was held before the start is kept, even where it is more. */
  readonly limits?: Partial<StoreLimits>
}

export interface FileStore extends LockStore {
  /** No fencing token so far was larger, over all restarts; 0 if there was none. */
  readonly lastToken: number
}

/**
 * Opens the store in the folder `path`, which is made if there is none. It needs the package `classic-level`.
 *
 * Locks and sessions are on disk before anybody is told of them, so that they survive the process and the machine. They
 * come back with their full leases; places in queues do not. A disk that cannot be written closes the store: from then
 * on its steps throw `StoreUnavailableError`.
 *
 * Rejects with a `TypeError` for a wrong option, and with an `Error` that says what to do: if `classic-level` is
 * missing, if another process has the store, and if it cannot be read or written.
 */
export async function createFileStore(path: string, options: FileStoreOptions = {}): Promise<FileStore> {
  const { tokenFloor = 0, onError = () => undefined, clock, limits } = options
  checkTokenFloor(tokenFloor)
  const folder = resolve(path)
  const { database, entries } = await openLevel(folder)
  try {
    const inherited = aboveFloor(read(folder, entries), tokenFloor)
    const bounds = { ...(clock && { clock }), ...(limits && { limits }) }
    const store = new DurableStore({
      kind: 'file',
      database,
      entries,
      inherited,
      createSteps: (remembrance) => new StoreInMemory(bounds, remembrance),
      onError,
    })
    await store.ready()
    return store
  } catch (error) {
    await database.close()
    throw error instanceof StoreUnavailableError ? unwritable(folder, error.cause) : error
  }
}

function read(folder: string, entries: readonly Entry[]): Inherited {
  try {
    return recover(readRecords(entries))
  } catch (error) {
    throw unreadable(folder, error instanceof Error ? error.message : String(error), error)
  }
}

function aboveFloor(inherited: Inherited, tokenFloor: number): Inherited {
  return { ...inherited, lastToken: Math.max(inherited.lastToken, tokenFloor) }
}
