/** A record of a {@link SharedLog}. */
export interface LogRecord extends LogPoint {
  readonly body: string
}

/** A place in a log, with what is there: logs that agree on it agree on all that came before. */
export interface LogPoint {
  /** Grows from record to record, perhaps by more than one. */
  readonly position: number
  readonly id: string
}

/** All that the records up to `point` have come to. */
export interface LogSnapshot {
  readonly point: LogPoint
  readonly text: string
}

/** What a server that starts must know. */
export interface LoadedLog {
  readonly snapshot: LogSnapshot | null
  /** All after the snapshot, in order. */
  readonly records: readonly LogRecord[]
}

/** The most records that are answered at once: fewer than these were all that there were. */
export const MOST_RECORDS = 2_000

/**
 * One ordered log for any number of servers, in an engine that has its own copies and its own failover: all that a
 * shared store needs of it.
 *
 * Every server sees the same records in the same order, and what an answer has shown once is there for good. A promise
 * that rejects leaves the outcome unknown: the record may still appear, now or later, and repeated attempts may leave it
 * there twice.
 */
export interface SharedLog {
  /** Everything there is, as it is at some time after the call. */
  load(): Promise<LoadedLog>
  /**
   * Adds a record, and returns the first {@link MOST_RECORDS} after `after`, in order; `null` if the log does not go on from
   * `after`, which was cut off or never there: then {@link load} it anew. The record may have been added even so.
   *
   * @param after the last record that is known; `null`: none, and there is no snapshot either.
   * @param isNews whether other servers shall be told.
   */
  append(
    record: Omit<LogRecord, 'position'>,
    after: LogPoint | null,
    isNews: boolean,
  ): Promise<readonly LogRecord[] | null>
  /** The first {@link MOST_RECORDS} after `after`, as they are at some time after the call; `null` as for {@link append}. */
  read(after: LogPoint | null): Promise<readonly LogRecord[] | null>
  /** Calls `listener` when others have added records. Only a hint, which may be lost. */
  watch(listener: () => void): void
  /** Keeps a snapshot, and cuts off what came before it, unless there is a later one or the log has lost its record. */
  save(snapshot: LogSnapshot): Promise<void>
  close(): Promise<void>
}
