import type { ServerClock } from '../../clock.ts'
import { StoreUnavailableError } from '../../store.ts'
import { type Cut, type Entry, readId, type StepCall, writeEntry, writeId } from './entry.ts'
import { type LoadedLog, type LogPoint, type LogRecord, type LogSnapshot, MOST_RECORDS, type SharedLog } from './log.ts'
import { type Applied, cutOf, Replica, type ReplicaOptions } from './replica.ts'
import { Ticker } from './ticker.ts'
import { PATIENCE_MS, RETRY_MS, SLACK_MS } from './timing.ts'

export interface FollowerOptions extends ReplicaOptions {
  readonly log: SharedLog
  readonly clock: ServerClock
  /** Of this server, for this time that it runs: unlike that of every other one, ever. */
  readonly server: string
  /** Fencing tokens begin above this, from now on and for all servers. */
  readonly tokenFloor: number
  /** Told once when this server can no longer follow the log, and of each snapshot that could not be kept. */
  readonly onError: (error: unknown) => void
}

export interface FollowerEvents {
  /** Something is due, though nobody has asked for anything. */
  readonly wake: () => void
  /** What the log has come to was read anew; the replica until now has ended. */
  readonly replaced: (before: Replica, after: Replica) => void
}

/** Keeps a replica up to the log, and writes into it. Its two requests are called one at a time. */
export class Follower {
  readonly #options: FollowerOptions
  #events: FollowerEvents = { wake: () => undefined, replaced: () => undefined }
  readonly #ticker: Ticker
  #replica: Replica
  #number = 0
  /** What has to be written with the next entry. */
  #graceMs = 0
  #cut: Cut | null = null
  #failure: Error | null = null
  #isStopped = false
  /** The log did not answer the last time. */
  #isAway = false
  #endPause: () => void = () => undefined

  /** Reads the log. Rejects if that cannot be done, and with an `Error` that says what to do if it is of another version. */
  static async open(options: FollowerOptions): Promise<Follower> {
    return new Follower(options, await load(options))
  }

  private constructor(options: FollowerOptions, replica: Replica) {
    this.#options = options
    this.#replica = replica
    this.#ticker = new Ticker(options.clock, () => this.#events.wake())
    this.#ticker.looked(replica.store.isIdle)
  }

  listen(events: FollowerEvents): void {
    this.#events = events
  }

  get replica(): Replica {
    return this.#replica
  }

  /** Why the log can no longer be followed; `null` while all is well. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Whether there is something to do though nobody asks. */
  get isDue(): boolean {
    return this.#ticker.due !== null || this.#cut !== null || this.#graceMs > 0
  }

  /**
   * Brings the replica up to what is in the log, after `calls` have been written there. Returns what they have come to.
   * Rejects if that cannot be done; they may be carried out even so.
   *
   * @param giveUpAt the monotonic ms from which it is not tried again.
   */
  async follow(calls: readonly StepCall[], isNews: boolean, giveUpAt: number): Promise<readonly Promise<unknown>[]> {
    try {
      const entry = this.#nextEntry(calls)
      if (entry === null) return await this.#retried(() => this.#catchUp(), giveUpAt)
      // With the time somebody who waits may be granted the lock.
      const isAwaited = entry.tick !== null && this.#replica.store.isAwaited
      return await this.#write(entry, isNews || isAwaited, giveUpAt)
    } finally {
      this.#ticker.looked(this.#replica.store.isIdle)
    }
  }

  /** What cannot be done now is not tried again. */
  stop(): void {
    this.#ticker.stop()
    this.#isStopped = true
    this.#endPause()
  }

  /** Resolves after `ms`, or at once when this is stopped. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.setTimer(resolve, ms)
      this.#endPause = () => {
        cancelTimer()
        resolve()
      }
    })
  }

  /** Keeps what has been read so far, so that the next server need not read so much. Comes after {@link stop}. */
  async close(): Promise<void> {
    const { log, clock } = this.#options
    const { point } = this.#replica
    if (this.#failure === null && !this.#isAway && point !== null) {
      const kept = this.#keep({ point, text: this.#replica.image() })
      // An engine that does not answer must not hold up the end.
      await Promise.race([kept, new Promise<void>((resolve) => clock.setTimer(resolve, PATIENCE_MS))])
    }
    await log.close()
  }

  /** What is to be written; `null`: nothing. */
  #nextEntry(steps: readonly StepCall[]): Entry | null {
    const isTick = this.#ticker.due === 'tick'
    const cut = this.#cut
    const graceMs = this.#graceMs
    if (steps.length === 0 && !isTick && cut === null && graceMs === 0) return null
    this.#cut = null
    const tick = isTick ? { number: this.#replica.nextTick, ms: this.#ticker.elapsedMs } : null
    const { clock, tokenFloor } = this.#options
    return { rules: this.#replica.rules, wall: clock.wall(), tick, graceMs, tokenFloor, cut, steps }
  }

  #write(entry: Entry, isNews: boolean, giveUpAt: number): Promise<readonly Promise<unknown>[]> {
    const { log, server } = this.#options
    this.#number += 1
    const number = this.#number
    const record = { id: writeId({ server, number }), body: writeEntry(entry) }
    return this.#retried(async () => {
      const after = this.#replica.point
      let records = (await log.append(record, after, isNews)) ?? (await this.#reload())
      let outcomes = this.#apply(records, record.id)
      while (outcomes === null && records.length >= MOST_RECORDS) {
        records = await this.#next()
        outcomes = this.#apply(records, record.id)
      }
      this.#ticker.wrote()
      if (outcomes !== null) return outcomes
      // It has come, and was cut off with what came before a snapshot.
      if (this.#replica.hasHeard(server, number)) throw new StoreUnavailableError('What became of a step is not known.')
      throw new Error('the log has not taken a record')
    }, giveUpAt)
  }

  async #catchUp(): Promise<readonly never[]> {
    let records: readonly LogRecord[]
    do {
      records = await this.#next()
      this.#apply(records, null)
    } while (records.length >= MOST_RECORDS)
    return []
  }

  async #next(): Promise<readonly LogRecord[]> {
    return (await this.#options.log.read(this.#replica.point)) ?? this.#reload()
  }

  /** What `attempt` resolves with, once it does. */
  async #retried<Result>(attempt: () => Promise<Result>, giveUpAt: number): Promise<Result> {
    const { clock } = this.#options
    for (;;) {
      try {
        const result = await attempt()
        this.#isAway = false
        return result
      } catch (error) {
        this.#isAway = true
        const isOver = this.#failure !== null || this.#isStopped || clock.now() >= giveUpAt
        if (isOver || error instanceof StoreUnavailableError) throw error
        await this.#pause(RETRY_MS)
      }
    }
  }

  /** Carries out what has come. Returns what the record `own` has come to; `null`: it was not there, or too late. */
  #apply(records: readonly LogRecord[], own: string | null): readonly Promise<unknown>[] | null {
    let result: readonly Promise<unknown>[] | null = null
    for (const record of records) {
      const { outcomes, entry, isTick, snapshot } = this.#carryOut(record)
      const isOwn = readId(record.id).server === this.#options.server
      if (isTick) this.#ticker.seen(isOwn)
      if (isOwn && snapshot !== null) void this.#keep(snapshot)
      if (record.id !== own || outcomes === null) continue
      result = outcomes
      if (entry.graceMs > 0) this.#graceMs = 0
    }
    return result
  }

  #carryOut(record: LogRecord): Applied {
    return this.#orFail(() => this.#replica.apply(record))
  }

  /** What cannot be understood now cannot be tomorrow. */
  #orFail<Result>(act: () => Result): Result {
    try {
      return act()
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#tell(error)
      throw error
    }
  }

  /** Begins anew, since the log does not go on from what is known. Returns the records after its snapshot. */
  async #reload(): Promise<readonly LogRecord[]> {
    const before = this.#replica
    const loaded = await this.#options.log.load()
    this.#replica = this.#orFail(() => new Replica(this.#options, loaded.snapshot))
    this.#ticker.seen(false)
    const promisedMs = before.store.longestPromiseMs
    this.#events.replaced(before, this.#replica)
    if (!isRewound(before.point, loaded)) return loaded.records
    this.#apply(loaded.records, null)
    this.#cut = null
    // Whoever was granted what is lost goes on believing in it, so that must be known to all before anything is granted.
    this.#graceMs = Math.max(this.#graceMs, promisedMs + SLACK_MS)
    throw new StoreUnavailableError('The engine has lost the end of its log.')
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError(error)
    } catch {
      // Whoever listens must not stop what goes on here.
    }
  }

  async #keep(snapshot: LogSnapshot): Promise<void> {
    try {
      await this.#options.log.save(snapshot)
      this.#cut = cutOf(snapshot)
    } catch (error) {
      // The next one is tried anew; until then the log is longer than it need be.
      this.#tell(error)
    }
  }
}

async function load(options: FollowerOptions): Promise<Replica> {
  const { snapshot, records } = await options.log.load()
  const replica = new Replica(options, snapshot)
  for (const record of records) replica.apply(record)
  return replica
}

/** Whether the log has lost what was at `point`: its engine has failed over to a copy that was behind. */
function isRewound(point: LogPoint | null, { snapshot, records }: LoadedLog): boolean {
  if (point === null) return false
  const known = snapshot === null ? records : [snapshot.point, ...records]
  const last = known.at(-1)
  if (last === undefined || last.position < point.position) return true
  if (snapshot !== null && snapshot.point.position > point.position) return false
  return known.find(({ position }) => position === point.position)?.id !== point.id
}
