import type { LockStore } from '../store.ts'
import { loadDriver } from './postgres/connection.ts'
import { PostgresLog } from './postgres/postgres-log.ts'
import { openShared, type SharedStoreSettings } from './shared/open-shared.ts'

export interface PostgresStoreOptions extends SharedStoreSettings {
  /** What the names of the tables begin with, for several stores in one database. Default `lockable`. */
  readonly prefix?: string
}

export interface PostgresStore extends LockStore {
  /** No fencing token so far was larger, over all servers and restarts; 0 if there was none. */
  readonly lastToken: number
}

/** A name that SQL takes without quotes, with room for what follows. */
const PREFIX_PATTERN = /^[a-z_][a-z0-9_]{0,49}$/

/**
 * Opens the store in the PostgreSQL at `url` (`postgres://user:password@host:port/database`), which any number of
 * servers share. It needs the package `pg`, and makes its tables where there are none.
 *
 * Every grant is committed there before anybody is told of it, and a step that cannot be within some 3 s throws
 * `StoreUnavailableError`. Where the database fails over, it must be to a synchronous standby: what others have not got
 * is lost, and the locks with it.
 *
 * Rejects with a `TypeError` for a wrong option, and with an `Error` that says what is wrong if the database cannot be
 * reached or was used by another version.
 */
export async function createPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<PostgresStore> {
  const { prefix = 'lockable', ...settings } = options
  if (!PREFIX_PATTERN.test(prefix)) {
    throw new TypeError(
      `prefix must be 1 to 50 characters of a-z, 0-9 and _, not beginning with a digit; got ${JSON.stringify(prefix)}.`,
    )
  }
  const createClient = await loadDriver(url)
  return openShared('postgres', settings, () => PostgresLog.open(createClient, prefix))
}
