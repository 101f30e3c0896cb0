import {
  type LoadedLog,
  type LogPoint,
  type LogRecord,
  type LogSnapshot,
  MOST_RECORDS,
  type SharedLog,
} from '../shared/log.ts'
import { Connection, type CreateClient, checkPrimary, IS_STANDBY, type Rows } from './connection.ts'

/** How long a request may take, in ms. */
const QUICK_MS = 2_000
/** How long one may take that reads or writes a snapshot, in ms. */
const SLOW_MS = 60_000

/** Raised when servers of another version could not read the tables. */
const FORMAT = 1

/**
 * A log in three tables of a PostgreSQL: the records, the position of the last one, and the latest snapshot. The row
 * with the position is locked from when a record is added until that is committed, so that the records are seen in the
 * order of their positions, without gaps.
 */
export class PostgresLog implements SharedLog {
  readonly #connection: Connection
  readonly #snapshots: Connection
  readonly #tables: Tables
  #listener: () => void = () => undefined

  /** Makes the tables if there are none. Rejects with an `Error` that says what to do. */
  static async open(createClient: CreateClient, prefix: string): Promise<PostgresLog> {
    const log = new PostgresLog(createClient, prefix)
    try {
      await log.#prepare()
      return log
    } catch (error) {
      await log.close()
      throw error
    }
  }

  private constructor(createClient: CreateClient, prefix: string) {
    this.#tables = { head: `${prefix}_head`, log: `${prefix}_log`, snapshot: `${prefix}_snapshot` }
    const greeting = `${COMMITTED}; ${SHORT_WAITS}; LISTEN ${this.#tables.log}`
    this.#connection = new Connection(createClient, greeting, () => this.#listener())
    this.#snapshots = new Connection(createClient, COMMITTED, () => undefined)
  }

  async load(): Promise<LoadedLog> {
    const { log, snapshot } = this.#tables
    const [standby, found = []] = await this.#snapshots.query(
      `SELECT ${IS_STANDBY};
       SELECT true AS is_snapshot, position, id, body FROM ${snapshot}
       UNION ALL
       SELECT false, position, id, body FROM ${log}
         WHERE position > coalesce((SELECT position FROM ${snapshot}), 0)
       ORDER BY position`,
      SLOW_MS,
    )
    checkPrimary(standby)
    const first = found[0]?.is_snapshot === true ? found[0] : null
    const records = asRecords(first === null ? found : found.slice(1))
    checkGaps(first === null ? 0 : Number(first.position), records)
    return { snapshot: first === null ? null : asSnapshot(first), records }
  }

  async append(
    { id, body }: Omit<LogRecord, 'position'>,
    after: LogPoint | null,
    isNews: boolean,
  ): Promise<readonly LogRecord[] | null> {
    const { head, log } = this.#tables
    const goesOn = after === null ? 'true' : `EXISTS (SELECT FROM ${log} WHERE ${isAt(after)})`
    const results = await this.#connection.query(
      `${DURABLY};
       WITH moved AS (UPDATE ${head} SET position = position + 1 WHERE ${goesOn} RETURNING position)
         INSERT INTO ${log} (position, id, body) SELECT position, ${literal(id)}, ${literal(body)} FROM moved;
       ${this.#since(after)}
       ${isNews ? `; NOTIFY ${log}` : ''}`,
      QUICK_MS,
    )
    return recordsAfter(after, results[2] ?? [])
  }

  async read(after: LogPoint | null): Promise<readonly LogRecord[] | null> {
    const [standby, found = []] = await this.#connection.query(`SELECT ${IS_STANDBY}; ${this.#since(after)}`, QUICK_MS)
    checkPrimary(standby)
    return recordsAfter(after, found)
  }

  watch(listener: () => void): void {
    this.#listener = listener
  }

  async save({ point: { position, id }, text }: LogSnapshot): Promise<void> {
    const { log, snapshot } = this.#tables
    await this.#snapshots.query(
      `WITH saved AS (
         INSERT INTO ${snapshot} AS kept (position, id, body)
           SELECT position, id, ${literal(text)} FROM ${log} WHERE ${isAt({ position, id })}
           ON CONFLICT (is_one) DO UPDATE SET position = excluded.position, id = excluded.id, body = excluded.body
           WHERE kept.position < excluded.position
           RETURNING position)
       DELETE FROM ${log} WHERE position < (SELECT position FROM saved)`,
      SLOW_MS,
    )
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#snapshots.close()])
  }

  async #prepare(): Promise<void> {
    const { head } = this.#tables
    const [[found] = []] = await this.#connection.query(
      `SELECT to_regclass('${head}') IS NOT NULL AS is_there, current_setting('server_encoding') AS encoding`,
      QUICK_MS,
    )
    if (found?.encoding !== 'UTF8') {
      throw new Error(`The database has the encoding ${found?.encoding}, which lacks characters: create one with UTF8.`)
    }
    if (found?.is_there !== true) await this.#connection.query(this.#creation(), QUICK_MS)
    const [[{ format } = { format: null }] = []] = await this.#connection.query(`SELECT format FROM ${head}`, QUICK_MS)
    if (Number(format) === FORMAT) return
    throw new Error(
      `The tables ${head} and those beside it are of format ${format}, and this version of the server knows ${FORMAT}: start the version that made them.`,
    )
  }

  /** Servers that start together wait for one another, since "if not exists" alone would not let them. */
  #creation(): string {
    const { head, log, snapshot } = this.#tables
    return `
      SELECT pg_advisory_xact_lock(hashtext('${head}'));
      CREATE TABLE IF NOT EXISTS ${log} (position bigint PRIMARY KEY, id text NOT NULL, body text NOT NULL);
      CREATE TABLE IF NOT EXISTS ${snapshot} (${ONE}, position bigint NOT NULL, id text NOT NULL, body text NOT NULL);
      CREATE TABLE IF NOT EXISTS ${head} (${ONE}, format integer NOT NULL, position bigint NOT NULL);
      INSERT INTO ${head} (format, position) VALUES (${FORMAT}, 0) ON CONFLICT DO NOTHING`
  }

  /** The record `after`, which shows that the log goes on from it, and those that follow. */
  #since(after: LogPoint | null): string {
    return `SELECT position, id, body FROM ${this.#tables.log} WHERE position >= ${after?.position ?? 0}
       ORDER BY position LIMIT ${MOST_RECORDS + 1}`
  }
}

interface Tables {
  readonly head: string
  readonly log: string
  readonly snapshot: string
}

/** A table that has no more than one row. */
const ONE = 'is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one)'

/** Each statement sees what was committed before it, whatever the default is. */
const COMMITTED = 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED'

/** What nobody waits for any more must not pile up in the database: not for a lock, nor for a client that is gone. */
const SHORT_WAITS = `SET lock_timeout = ${QUICK_MS - 500};
  SELECT set_config('client_connection_check_interval', '1000', false)
    WHERE current_setting('server_version_num')::integer >= 140000`

/** A commit that a crash could take back, or a failover to a synchronous standby, must not be answered. */
const DURABLY = `SELECT set_config('synchronous_commit', 'on', true)
  WHERE current_setting('synchronous_commit') IN ('off', 'local')`

function isAt({ position, id }: LogPoint): string {
  return `position = ${position} AND id = ${literal(id)}`
}

/** @param rows from that of `after` on. */
function recordsAfter(after: LogPoint | null, rows: Rows): readonly LogRecord[] | null {
  const records = asRecords(rows)
  const [first, ...others] = records
  if (after === null) return first === undefined || first.position === 1 ? records.slice(0, MOST_RECORDS) : null
  return first?.position === after.position && first.id === after.id ? others : null
}

function asRecords(rows: Rows): LogRecord[] {
  return rows.map(({ position, id, body }) => ({ position: Number(position), id: String(id), body: String(body) }))
}

function asSnapshot({ position, id, body }: Rows[number]): LogSnapshot {
  return { point: { position: Number(position), id: String(id) }, text: String(body) }
}

function checkGaps(before: number, records: readonly LogRecord[]): void {
  const gap = records.findIndex(({ position }, index) => position !== before + 1 + index)
  if (gap === -1) return
  throw new Error(
    `The log has no record ${before + 1 + gap}, so that it is not known who holds what: restore the tables from a backup.`,
  )
}

/** A string in SQL. Neither ids nor JSON contain NUL characters. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
