import type { ServerClock } from '../../clock.ts'
import {
  type LoadedLog,
  type LogPoint,
  type LogRecord,
  type LogSnapshot,
  MOST_RECORDS,
  type SharedLog,
} from '../shared/log.ts'
import { inChunks } from './chunks.ts'
import type { Gateway, KeyValue, Operation } from './gateway.ts'
import { EraKeys } from './keys.ts'

/** So many records are in an era, about: a request looks through all records of it. */
const RECORDS_IN_ERA = 256

/** The most characters of a snapshot in one value: the cluster takes requests of at most 1.5 MiB by default. */
const CHUNK = 256 * 1024

/** How long it may take to read all records, in ms. */
const SLOW_MS = 60_000

/** The pause before a watch that has broken is begun anew, in ms. */
const REWATCH_MS = 500

/** Where a snapshot is, and of which record. */
interface Pointer extends LogPoint {
  readonly era: number
  readonly chunks: number
}

/**
 * A log in an etcd cluster. The order of its records is that of their revisions, so that any number of servers add to
 * it without getting in each other's way. Since etcd looks through all keys in a range, they are put into eras, one
 * after another: nothing is added to an era once the next has begun, and old ones are deleted whole.
 */
export class EtcdLog implements SharedLog {
  readonly #gateway: Gateway
  readonly #clock: ServerClock
  readonly #keys: EraKeys
  readonly #closing = new AbortController()
  #era = 1
  /** The eras of the records that were read, each from its first position on. */
  #eras: { readonly era: number; readonly from: number }[] = []
  #inEra = 0
  #server = ''

  constructor(gateway: Gateway, clock: ServerClock, prefix: string) {
    this.#gateway = gateway
    this.#clock = clock
    this.#keys = new EraKeys(prefix)
  }

  async load(): Promise<LoadedLog> {
    const { pointer: pointerKey, era } = this.#keys
    for (;;) {
      const first: Operation = { op: 'put', key: era, value: '1' }
      const heads: Operation[] = [
        { op: 'get', key: pointerKey },
        { op: 'get', key: era },
      ]
      const { found } = await this.#gateway.transact([{ key: era, revision: 0 }], [...heads, first], heads)
      const [pointerValue] = found[0] ?? []
      this.#era = Number(found[1]?.[0]?.value ?? 1)
      const pointer: Pointer | null = pointerValue === undefined ? null : JSON.parse(pointerValue.value)
      const text = pointer === null ? null : await this.#readChunks(pointer)
      const from = pointer?.era ?? 1
      const { succeeded, found: logs } = await this.#gateway.transact(
        [{ key: pointerKey, revision: pointerValue?.revision ?? 0 }],
        [{ op: 'get', ...this.#keys.logFrom(from), after: pointer?.position ?? 0 }],
        [],
        SLOW_MS,
      )
      // There is a later snapshot by now, and what this one needs may be gone.
      if (!succeeded) continue
      if (pointer !== null && text === null) {
        throw new Error(
          'The snapshot of the log is not whole, so that it is not known who holds what: restore the keys.',
        )
      }
      this.#eras = pointer === null ? [] : [{ era: pointer.era, from: pointer.position }]
      this.#inEra = 0
      const records = this.#read(logs[0] ?? [])
      if (pointer === null || text === null) return { snapshot: null, records }
      return { snapshot: { point: { position: pointer.position, id: pointer.id }, text }, records }
    }
  }

  async append(
    { id, body }: Omit<LogRecord, 'position'>,
    after: LogPoint | null,
    isNews: boolean,
  ): Promise<readonly LogRecord[] | null> {
    const [server = ''] = id.split('.')
    this.#server = server
    for (;;) {
      const era = this.#era
      const key = this.#keys.record(era, id)
      const news: Operation[] = isNews ? [{ op: 'put', key: this.#keys.news, value: server }] : []
      const { succeeded, found } = await this.#gateway.transact(
        [{ key: this.#keys.era, value: String(era) }, { key, revision: 0 }, this.#goesOnFrom(after)],
        [{ op: 'put', key, value: body }, this.#since(after), ...news],
        [
          { op: 'get', key: this.#keys.era },
          { op: 'get', key },
        ],
      )
      if (succeeded) {
        const records = this.#read(found[1] ?? [])
        if (this.#inEra >= RECORDS_IN_ERA) this.#beginEra()
        return records
      }
      const [[current] = [], [own] = []] = found
      // It was added by an attempt before.
      if (own !== undefined) return this.read(after)
      const now = Number(current?.value ?? 0)
      if (now === era || now === 0) return null
      this.#era = now
    }
  }

  async read(after: LogPoint | null): Promise<readonly LogRecord[] | null> {
    const { succeeded, found } = await this.#gateway.transact([this.#goesOnFrom(after)], [this.#since(after)])
    return succeeded ? this.#read(found[0] ?? []) : null
  }

  watch(listener: () => void): void {
    void this.#keepWatching((server) => {
      if (server !== this.#server) listener()
    })
  }

  async save({ point, text }: LogSnapshot): Promise<void> {
    const { pointer: pointerKey } = this.#keys
    const era = this.#eraOf(point.position)
    const { found } = await this.#gateway.transact([], [{ op: 'get', key: pointerKey }])
    const [kept] = found[0] ?? []
    if (kept !== undefined && (JSON.parse(kept.value) as Pointer).position >= point.position) return
    const chunks = inChunks(text, CHUNK)
    for (const [index, value] of chunks.entries()) {
      await this.#gateway.transact([], [{ op: 'put', key: this.#keys.chunk(point, index), value }])
    }
    const pointer: Pointer = { ...point, era, chunks: chunks.length }
    await this.#gateway.transact(
      // The record, too, since a cluster that was restored from a backup may have lost it.
      [{ key: pointerKey, revision: kept?.revision ?? 0 }, this.#goesOnFrom(point)],
      [
        { op: 'put', key: pointerKey, value: JSON.stringify(pointer) },
        { op: 'delete', ...this.#keys.logBefore(era) },
        { op: 'delete', ...this.#keys.chunksBefore(point.position) },
      ],
    )
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  async #readChunks(pointer: Pointer): Promise<string | null> {
    const values: string[] = []
    for (let index = 0; index < pointer.chunks; index += 1) {
      const { found } = await this.#gateway.transact([], [{ op: 'get', key: this.#keys.chunk(pointer, index) }])
      const [chunk] = found[0] ?? []
      if (chunk === undefined) return null
      values.push(chunk.value)
    }
    return values.join('')
  }

  #goesOnFrom(after: LogPoint | null): { key: string; revision: number } {
    if (after === null) return { key: this.#keys.pointer, revision: 0 }
    return { key: this.#keys.record(this.#eraOf(after.position), after.id), revision: after.position }
  }

  #since(after: LogPoint | null): Operation {
    const limit = MOST_RECORDS
    if (after === null) return { op: 'get', ...this.#keys.logFrom(1), limit }
    return { op: 'get', ...this.#keys.logFrom(this.#eraOf(after.position)), after: after.position, limit }
  }

  /** Notes the eras of what was found. */
  #read(found: readonly KeyValue[]): LogRecord[] {
    return found.map(({ key, value, revision }) => {
      const { era, id } = this.#keys.readRecord(key)
      if (era !== this.#eras.at(-1)?.era) {
        this.#eras.push({ era, from: revision })
        // Only snapshots of late are still to be kept.
        if (this.#eras.length > MOST_ERAS) this.#eras.shift()
        this.#inEra = 0
      }
      this.#inEra += 1
      return { position: revision, id, body: value }
    })
  }

  #eraOf(position: number): number {
    return this.#eras.findLast(({ from }) => from <= position)?.era ?? 1
  }

  /** Somebody else may have been first. */
  #beginEra(): void {
    const era = this.#era
    const next: Operation = { op: 'put', key: this.#keys.era, value: String(era + 1) }
    // If it fails the next record tries it again.
    this.#gateway.transact([{ key: this.#keys.era, value: String(era) }], [next]).catch(() => undefined)
  }

  async #keepWatching(changed: (server: string | null) => void): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#gateway.watch(this.#keys.news, changed, signal)
      } catch {
        // Until it stands again, servers look for ticks.
        await new Promise<void>((resolve) => this.#clock.setTimer(resolve, REWATCH_MS))
      }
    }
  }
}

/** More than a snapshot is ever behind. */
const MOST_ERAS = 1_000
