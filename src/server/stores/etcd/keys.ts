import type { LogPoint } from '../shared/log.ts'
import type { KeyRange } from './gateway.ts'

/** As many digits as a safe integer has, so that keys are in the order of numbers. */
const DIGITS = 16

/** The keys of a log, all below a prefix. */
export class EraKeys {
  /** The number of the era that records are added to. */
  readonly era: string
  /** Where the latest snapshot is. */
  readonly pointer: string
  /** Put whenever a record is news for other servers. */
  readonly news: string
  readonly #log: string
  readonly #snapshots: string

  constructor(prefix: string) {
    this.era = `${prefix}era`
    this.pointer = `${prefix}snapshot`
    this.news = `${prefix}news`
    this.#log = `${prefix}log/`
    this.#snapshots = `${prefix}snapshots/`
  }

  record(era: number, id: string): string {
    return `${this.#log}${padded(era)}/${id}`
  }

  readRecord(key: string): { era: number; id: string } {
    const [era = '', id = ''] = key.slice(this.#log.length).split('/')
    return { era: Number(era), id }
  }

  /** All records of an era and of those after it. */
  logFrom(era: number): Required<KeyRange> {
    return { key: `${this.#log}${padded(era)}/`, end: pastAll(this.#log) }
  }

  /** All records of the eras before one. */
  logBefore(era: number): Required<KeyRange> {
    return { key: this.#log, end: `${this.#log}${padded(era)}/` }
  }

  /** @param point the record that the snapshot is of. */
  chunk({ position, id }: LogPoint, index: number): string {
    return `${this.#snapshots}${padded(position)}/${id}/${padded(index)}`
  }

  /** The chunks of all snapshots of earlier positions. */
  chunksBefore(position: number): Required<KeyRange> {
    return { key: this.#snapshots, end: `${this.#snapshots}${padded(position)}/` }
  }
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, '0')
}

/** The first key after all that begin with `prefix`, which ends with a slash. */
function pastAll(prefix: string): string {
  return `${prefix.slice(0, -1)}0`
}
