import type { LoadedLog, LogPoint, LogRecord, LogSnapshot, SharedLog } from '../../src/server/stores/shared/log.ts'

/** What becomes of a request to the log. */
export interface Fate {
  /** It never arrives. */
  readonly isLost?: boolean
  /** It is carried out, and the answer never arrives. */
  readonly isAnswerLost?: boolean
  /** It is carried out once more, later. */
  readonly isRepeated?: boolean
}

/**
 * How the requests of one server travel: calls `there` whenever one arrives, and `back` when its answer does or when
 * nobody waits for it any more. An answer that is lost, or of a request that never arrived, is none.
 */
export type Travel = (there: () => void, back: (isLost?: boolean) => void) => void

export interface VirtualLogOptions {
  /** Default: at once. */
  readonly travel?: Travel
  /** Asked for each append. Default: all is well. */
  readonly fate?: () => Fate
  /** How a hint travels: calls `tell` when it arrives, or never. Default: at once. */
  readonly hint?: (tell: () => void) => void
}

const AT_ONCE: Travel = (there, back) => {
  there()
  queueMicrotask(() => back())
}

/** An engine with a log, which outlives the servers. */
export class VirtualLog {
  /** Set: no request is answered any more. */
  failure: Error | null = null
  /** Told of each record when it has its place. */
  appended: (record: LogRecord) => void = () => undefined
  /** By how much positions grow. */
  stride: () => number = () => 1
  /** A record is added even if the log does not go on from where its writer thinks. */
  addsAnyway = false
  records: LogRecord[] = []
  snapshot: LogSnapshot | null = null
  readonly #listeners = new Map<object, () => void>()

  /** What the stores of one server take. */
  open({ travel = AT_ONCE, fate = () => ({}), hint = (tell) => tell() }: VirtualLogOptions = {}): SharedLog {
    const self = {}
    const request = <Answer>(act: () => Answer, { isLost = false, isAnswerLost = false }: Fate = {}): Promise<Answer> =>
      new Promise((resolve, reject) => {
        let answer: { readonly value: Answer } | null = null
        const there = () => {
          if (isLost || this.failure !== null) return
          const value = act()
          answer ??= { value }
        }
        const back = (isGone = false) => {
          if (this.failure !== null || isAnswerLost || isGone || answer === null) {
            reject(this.failure ?? new Error('no answer'))
          } else resolve(answer.value)
        }
        travel(there, back)
      })
    return {
      load: () => request(() => this.#load()),
      append: async (record, after, isNews) => {
        const act = () => this.#append(record, after, isNews ? self : null)
        const lot = fate()
        const answer = request(act, lot)
        if (lot.isRepeated === true) void request(act, { isAnswerLost: true }).catch(() => undefined)
        return answer
      },
      read: (after) => request(() => this.#since(after)),
      watch: (listener) => this.#listeners.set(self, () => hint(listener)),
      save: (snapshot) => request(() => this.#save(snapshot)),
      close: async () => void this.#listeners.delete(self),
    }
  }

  /** Takes the last `count` records away, as a failover to a copy that is behind. */
  lose(count: number): void {
    this.records = this.records.slice(0, this.records.length - count)
  }

  get #last(): number {
    return this.records.at(-1)?.position ?? this.snapshot?.point.position ?? 0
  }

  #load(): LoadedLog {
    const { position } = this.snapshot?.point ?? { position: 0 }
    return { snapshot: this.snapshot, records: this.records.filter((record) => record.position > position) }
  }

  #append(record: Omit<LogRecord, 'position'>, after: LogPoint | null, writer: object | null): LogRecord[] | null {
    if (this.#since(after) === null && !this.addsAnyway) return null
    const added = { ...record, position: this.#last + this.stride() }
    this.records.push(added)
    this.appended(added)
    for (const [listener, tell] of this.#listeners) {
      if (writer !== null && listener !== writer) tell()
    }
    return this.#since(after)
  }

  #since(after: LogPoint | null): LogRecord[] | null {
    if (after === null) return this.snapshot === null ? [...this.records] : null
    const known = this.records.find(({ position }) => position === after.position)
    return known?.id === after.id ? this.records.filter(({ position }) => position > after.position) : null
  }

  #save(snapshot: LogSnapshot): void {
    const { position, id } = snapshot.point
    if (this.snapshot !== null && this.snapshot.point.position >= position) return
    // The log has lost it, and what the snapshot is of never was.
    if (!this.records.some((record) => record.position === position && record.id === id)) return
    this.snapshot = snapshot
    // The record that the snapshot is of stays: it shows that the log goes on from there.
    this.records = this.records.filter((record) => record.position >= position)
  }
}
